"""The sections of params.yaml as frozen, validated models; params.yaml is the only home of a value.

Every section names its keys, their types and their ranges, and has no default: a key that is
missing, misspelt, of the wrong type or out of range is refused with one line that names it.
"""
