#!/bin/sh
# Makes everything under static/avatars from the CC0 source: bakes, compresses, checks, takes the small pictures.
# Wants python3 (with venv), node and npm, and chromium (CHROMIUM=/path) for the pictures.
# usage: make.sh [PERSON…]   of people.json; all without names
set -eu
cd "$(dirname "$0")"
out=../../static/avatars
build=build
mkdir -p "$build" "$out"

[ -d "$build/venv" ] || python3 -m venv "$build/venv"
"$build/venv/bin/pip" install --quiet --requirement requirements.txt
npm ci --silent --no-audit --no-fund
[ -d "$build/cc0-src" ] || tar xzf cc0-src.tgz -C "$build"

export MHDATA="$PWD/$build/cc0-src" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python="$build/venv/bin/python"
people=${*:-$("$python" -c 'import json; print(*json.load(open("people.json")))')}
for person in $people; do
  for detail in "" -lod0; do
    "$python" bake_person.py "$person" "$detail" "$build/$person$detail.glb"
    node compress.mjs "$build/$person$detail.glb" "$out/$person$detail.glb"
  done
done
for person in $people; do
  "$python" check_heads.py "$build/$person.glb" "$build/$person-lod0.glb" --published "$out"
done
# The small pictures are taken by the page's own scene; they are of everybody in static/avatars/people.json.
cd ../../tests/browser
npm ci --silent --no-audit --no-fund
node thumbnails.js
