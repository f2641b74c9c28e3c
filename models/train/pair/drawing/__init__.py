"""Pictures and styles, drawn without end."""
