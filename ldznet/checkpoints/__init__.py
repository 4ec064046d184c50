"""Every way weights come in, below all models: nothing here knows the backbone or the networks.

- `parts`: `load_parts`, a backbone from a folder, an official file or the hub
- `folder`: a folder of diffusers' layout
- `official`: what the official layout calls its tensors, and what these tell of a model's size
- `convert`: an official pickle, once, to folders of safetensors
- `file`: files of weights, read without running anything in them
- `hub`, `precision`, `schedule`
"""
