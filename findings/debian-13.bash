# Sourced by the scripts beside it: `debian_13 NAME VERSION FOLDER` unpacks one package of Debian 13 into the folder, by apt with
# the machine's own mirror and keys. Debian and its kin only.
debian_13() {
    local name=$1 version=$2 folder=$3 index mirror
    index=$(mktemp -d "$work/apt.XXXX")
    mkdir -p "$index"/{state/lists/partial,cache/archives/partial,log} "$folder"
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian$')
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$index/sources.list"
    cat > "$index/apt.conf" <<CONF
Dir::Etc::sourcelist "$index/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "$index/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$index/cache";
Dir::Log "$index/log";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
    (
        export APT_CONFIG=$index/apt.conf
        cd "$index"
        apt-get -qq update
        apt-get -qq download "$name=$version"
        dpkg-deb --extract ./*.deb "$folder"
    )
}
