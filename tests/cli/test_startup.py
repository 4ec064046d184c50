"""What the command line does before it knows what is asked."""

import subprocess
import sys

from ldznet.experiments.study import design
from ldznet.networks import NETWORKS


def test_help_waits_for_no_library():
    script = "import sys, ldznet.cli; print({'torch', 'diffusers', 'gradio'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_the_study_is_about_the_networks_there_are():
    assert tuple(NETWORKS) == design.NETWORKS
