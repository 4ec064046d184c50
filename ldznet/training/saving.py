"""Trained weights as they are shipped."""

from pathlib import Path

from accelerate import PartialState
from diffusers import ConfigMixin, ModelMixin


def save_half(model: ModelMixin, folder: Path) -> None:
    """Write safetensors in half precision; the model itself keeps its own precision.

    Of several processes that train it together one writes.
    """
    if not PartialState().is_main_process:
        return
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    dtype = next(model.parameters()).dtype
    if isinstance(model, ConfigMixin):  # a loaded one keeps the path of this machine's folder
        model.register_to_config(_name_or_path="")
    model.half().save_pretrained(folder, safe_serialization=True)
    model.to(dtype).load_state_dict(kept)
