"""Every way weights come in: folders, files, the hub; diffusers' layout or the official one."""
