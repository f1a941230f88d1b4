#!/bin/sh
# bootstrap.sh NODE CLIENT HANDLER: starts Node.js as Lambda's own Node.js runtime does. That leaves the
# defaults of V8, which look at the whole machine, and gives a tenth of the function's memory to the two
# semi-spaces of the young generation and the rest to the old one, in MB.

node=$1
client=$2
handler=$3
memory=$AWS_LAMBDA_FUNCTION_MEMORY_SIZE

set --
if [ -n "$memory" ]; then
  young=$((memory / 10))
  set -- "--max-semi-space-size=$((young / 2))" "--max-old-space-size=$((memory - young))"
fi

# aws-lambda-ric takes the handler from here, not from its arguments.
export _HANDLER="$handler"
exec "$node" "$@" "$client" "$handler"
