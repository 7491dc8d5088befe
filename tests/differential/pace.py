"""How fast a scenario runs. On a machine that is busy with other things a client may take as long as the short times of a scenario
are meant to be, and would come too late. So all of a scenario's short times are stretched by the same factor, and what happens stays
the same.
"""
import os
import re

SHORT = 5.0    # seconds; longer times are limits that nothing waits for
SLOWEST = 10.0

# Times of the helper d, of sleep(1), and of the settings of a unit.
TIMES = re.compile(r"(?P<before>\b(?:ready|stop|run|late|lose)=|\b(?:send|every|own)=(?=[\d.]+:)|\bsleep |^\w+Sec=|_USEC=)"
                   r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s)?(?=[\s:;+'\"]|$)", re.MULTILINE)


def of_machine():
    """1 on a machine with processors to spare, and more the more processes wait for one."""
    return min(max(os.getloadavg()[0] / os.cpu_count(), 1.0), SLOWEST)


def of_scenario(scenario):
    """The same, or 1 where a scenario looks at the times themselves."""
    return 1.0 if re.search(r"USec|Timestamp|date |takes|pauses", str(scenario["steps"])) else of_machine()


def stretch(text, factor):
    """The text with its short times made longer."""
    def longer(found):
        number, in_usec = float(found["number"]), found["before"] == "_USEC="
        seconds = number / (1e6 if in_usec else 1000 if found["unit"] == "ms" else 1)
        if not 0 < seconds < SHORT:
            return found[0]
        return "%s%.*f%s" % (found["before"], 0 if in_usec else 3, number * factor, found["unit"] or "")
    return TIMES.sub(longer, text) if factor > 1 else text
