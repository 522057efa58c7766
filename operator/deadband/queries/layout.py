"""PromQL over several lines, for people. Only white space outside of strings changes: what is read is what is asked."""

_STEP = "  "
_OPERATORS = (" and ", " or ", " unless ", " * ", " / ", " - ")
_CLOSING = {"(": ")", "{": "}", "[": "]"}


def laid_out(promql: str, *, width: int = 100, indent: str = "") -> str:
    """Give what stands in long parentheses lines of its own, and every operator beside them a new line.

    Args:
        promql: Well-formed, on one line, operators between single spaces.
        width: What is no longer than this many characters stays on one line.
        indent: Before every line but the first.
    """
    if len(promql) <= width:
        return promql
    lines, at = "", 0
    while at < len(promql):
        operator = next((each for each in _OPERATORS if promql.startswith(each, at)), None)
        if operator is not None:
            lines += f"\n{indent}{operator.strip()} "
            at += len(operator)
            continue
        end = _end(promql, at)
        if promql[at] == "(" and end - at > width:
            deeper = indent + _STEP
            lines += f"(\n{deeper}{laid_out(promql[at + 1 : end - 1], width=width, indent=deeper)}\n{indent})"
        else:
            lines += promql[at:end]
        at = end
    return lines


def _end(promql: str, start: int) -> int:
    """Where the string or the bracket that opens at `start` is over; the next character when none does."""
    if promql[start] == '"':
        at = start + 1
        while promql[at] != '"':
            at += 2 if promql[at] == "\\" else 1
        return at + 1
    if promql[start] not in _CLOSING:
        return start + 1
    at = start + 1
    while promql[at] != _CLOSING[promql[start]]:
        at = _end(promql, at)
    return at + 1
