"""What is really in a picture of the drawn world: a judge of generated pictures."""

from ldznet.experiments.checking.loading import load_checker
from ldznet.experiments.checking.objects import FoundObject, find_objects
from ldznet.experiments.checking.scene_checker import SceneChecker

__all__ = ["FoundObject", "SceneChecker", "find_objects", "load_checker"]
