from .area import circle
