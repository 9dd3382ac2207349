"""A strict reader of Prometheus text: names, HELP and TYPE before samples, families in one piece,
labels well escaped, no series twice.  Prints "fine" or what is wrong."""
import re, sys

text = sys.stdin.read()
name = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
sample = re.compile(rf'({name})(\{{(?:{label}(?:,{label})*)\}})? ([0-9]+)')
helps, types, series, done, now, wrong = {}, {}, set(), set(), None, []
if not text.endswith("\n"):
    wrong.append("the last line has no end")
for number, line in enumerate(text.split("\n")[:-1], 1):
    def bad(why):
        wrong.append(f"{number}: {why}: {line}")
    m = re.fullmatch(rf'# (HELP|TYPE) ({name}) (.*)', line)
    if m:
        kind, family, rest = m.groups()
        if family != now:
            done.add(now)
            now = family
        if family in done:
            bad("family in pieces")
        if family in (helps if kind == "HELP" else types):
            bad("twice")
        (helps if kind == "HELP" else types)[family] = rest
        if kind == "TYPE" and rest not in ("counter", "gauge"):
            bad("type")
        if kind == "HELP" and re.search(r'\\[^\\n]', rest):
            bad("escape")
        continue
    m = sample.fullmatch(line)
    if not m:
        bad("no sample")
        continue
    if m.group(1) != now or m.group(1) not in types or m.group(1) not in helps:
        bad("not behind its HELP and TYPE")
    if types.get(m.group(1)) == "counter" and not m.group(1).endswith("_total"):
        bad("a counter's name ends with _total")
    if (m.group(1), m.group(2)) in series:
        bad("series twice")
    series.add((m.group(1), m.group(2)))
print("\n".join(wrong[:10]) if wrong else "fine")
