"""Bakes one of people.json. usage: bake_person.py NAME DETAIL OUT; DETAIL is empty or `-lod0`, for weak devices."""
import json
import subprocess
import sys

LOD0 = {"subdiv": "0", "ribbons": "500", "tex": "1024"}
name, detail, out = sys.argv[1:]
flags = json.load(open("people.json"))[name] | (LOD0 if detail else {})
command = [sys.executable, "-m", "bake", "--out", out]
sys.exit(subprocess.run(command + [f"--{flag}={value}" for flag, value in flags.items()]).returncode)
