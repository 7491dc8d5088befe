"""How fast a scenario runs. On a machine that is busy with other things a client may take as long as the short times of a scenario
are meant to be, and would come too late. So a scenario that doesn't give what is expected runs once more, with all its short times
stretched by the same factor: what happens stays the same, and a difference that isn't the machine's shows again.
"""
import os
import re

SHORT = 5.0    # seconds; longer times are limits that nothing waits for
SLOW, SLOWEST = 3.0, 10.0

# Times of the helper d, of sleep(1), and of the settings of a unit.
TIMES = re.compile(r"(?P<before>\b(?:ready|stop|run|late|lose)=|\b(?:send|every|own)=(?=[\d.]+:)|\bsleep |^\w+Sec=|_USEC=)"
                   r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s)?(?=[\s:;+'\"]|$)", re.MULTILINE)


def of_scenario(scenario):
    """The factor of the second run: more, the more processes wait for a processor. 1 where a scenario looks at the times themselves."""
    if re.search(r"USec|Timestamp|date |takes|pauses", str(scenario["steps"])):
        return 1.0
    return min(max(os.getloadavg()[0] / os.cpu_count(), SLOW), SLOWEST)


def stretch(text, factor):
    """The text with its short times made longer."""
    def longer(found):
        number, in_usec = float(found["number"]), found["before"] == "_USEC="
        seconds = number / (1e6 if in_usec else 1000 if found["unit"] == "ms" else 1)
        if not 0 < seconds < SHORT:
            return found[0]
        return "%s%.*f%s" % (found["before"], 0 if in_usec else 3, number * factor, found["unit"] or "")
    return TIMES.sub(longer, text) if factor > 1 else text
