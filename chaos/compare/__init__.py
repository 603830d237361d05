"""Handlers compared: two scenarios, one page that puts async, def and blocking beside each other."""
