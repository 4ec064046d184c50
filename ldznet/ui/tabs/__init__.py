"""The tabs of the page, a module or a package each; `ldznet.ui.TABS` lists them."""
