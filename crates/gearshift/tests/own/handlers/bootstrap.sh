#!/bin/sh
# The Runtime API's loop, with curl alone.
set -eu
. "./${_HANDLER%%.*}.sh"
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -LD "$headers" "$API/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  rm -f "$headers"
  answer=$("${_HANDLER#*.}" "$event")
  curl -sS "$API/$id/response" -d "$answer"
done
