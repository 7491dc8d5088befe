"""Where the programs are, for the tools of this folder that are run by hand. ctest says it by the environment."""
import os
import sys

PLACES = {"SVCD_BIN": "tests/faults/undaunted/svcd", "SVCTL_BIN": "ctl/svctl", "ACTOR_BIN": "tests/integration/svcd-actor",
          "SVCD_FAULT_BIN": "tests/faults/svcd-fault", "SVCD_MANAGER_BIN": "daemon/manager/svcd-manager"}

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))


def find_programs(build):
    """Takes those of a build folder; none: those that the environment names."""
    for name, place in PLACES.items():
        if build is not None:
            os.environ[name] = os.path.join(os.path.abspath(build), place)
    # It is not where svcd is, from where it would find its manager.
    os.environ["SVCD_MANAGER"] = os.environ["SVCD_MANAGER_BIN"]
