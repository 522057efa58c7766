// Command burner is the workload of the real node: an HTTP server whose use of CPU and memory is known.
//
// It works by the CPU time of its own threads, so that a busy machine makes it slower but never changes what it used.
// As `burner pause` it is the process that holds a pod's sandbox open.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	threadCPUTime = 3 // CLOCK_THREAD_CPUTIME_ID
	// A burner that was starved for longer than this does not catch up, or it would take all CPU afterwards.
	mostDebt = time.Second
	beat     = 50 * time.Millisecond
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
		<-end
		return
	}
	listen := flag.String("listen", ":8080", "address of the HTTP server")
	cost := flag.Duration("cost", 20*time.Millisecond, "CPU time that a request to / takes")
	cores := flag.Float64("burn", 0, "cores used all the time, once ready")
	burst := flag.Duration("burst", 0, "CPU time used before it becomes ready")
	queue := flag.Int64("queue", 0, "not ready while more requests than this wait; 0: however many wait")
	flag.Parse()

	server := &server{cost: *cost, queue: *queue, turn: make(chan struct{}, 1)}
	http.HandleFunc("/", server.work)
	http.HandleFunc("/ready", server.ready)
	http.HandleFunc("/allocate", server.allocate)
	http.HandleFunc("/burn", server.set)
	server.microcores.Store(int64(*cores * 1e6))
	go func() {
		burn(*burst)
		server.begun.Store(true)
		server.hold()
	}()
	log.Fatal(http.ListenAndServe(*listen, nil))
}

type server struct {
	cost    time.Duration
	queue   int64
	turn    chan struct{}
	waiting atomic.Int64
	begun   atomic.Bool
	held    [][]byte
	// What is used all the time.
	microcores atomic.Int64
}

// work uses the CPU time of one request; requests take turns, so that a burner has the throughput of one worker.
func (s *server) work(answer http.ResponseWriter, request *http.Request) {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-request.Context().Done():
		return
	}
	burn(s.cost)
	fmt.Fprintln(answer, "done")
}

// ready answers 503 before the burst is over and while too many requests wait.
func (s *server) ready(answer http.ResponseWriter, _ *http.Request) {
	if waiting := s.waiting.Load(); !s.begun.Load() || (s.queue > 0 && waiting > s.queue) {
		http.Error(answer, fmt.Sprintf("begun %t, %d wait", s.begun.Load(), waiting), http.StatusServiceUnavailable)
	}
}

// allocate takes ?mib= of memory, touches it and keeps it.
func (s *server) allocate(answer http.ResponseWriter, request *http.Request) {
	mib, err := strconv.Atoi(request.URL.Query().Get("mib"))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	for range mib {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = byte(i)
		}
		s.held = append(s.held, block)
	}
	fmt.Fprintln(answer, "held")
}

// burn returns after this much CPU time of its thread.
func burn(amount time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	number := uint64(1)
	for end := used() + amount; used() < end; {
		for i := range uint64(1000) {
			number += i * number
		}
	}
	runtime.KeepAlive(number)
}

// set changes what is used all the time to ?cores=.
func (s *server) set(answer http.ResponseWriter, request *http.Request) {
	cores, err := strconv.ParseFloat(request.URL.Query().Get("cores"), 64)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	s.microcores.Store(int64(cores * 1e6))
	fmt.Fprintln(answer, "set")
}

// hold uses the cores that are set, for ever.
func (s *server) hold() {
	runtime.LockOSThread()
	var owed time.Duration
	last, before := time.Now(), used()
	for {
		now, usedNow := time.Now(), used()
		owed += time.Duration(float64(now.Sub(last))*float64(s.microcores.Load())/1e6) - (usedNow - before)
		last, before = now, usedNow
		owed = min(owed, mostDebt)
		if owed > 0 {
			burn(owed)
		}
		time.Sleep(beat)
	}
}

// used returns the CPU time of the calling thread.
func used() time.Duration {
	var spec syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPUTime, uintptr(unsafe.Pointer(&spec)), 0)
	return time.Duration(spec.Nano())
}
