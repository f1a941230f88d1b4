"""A handler that goes wrong as its event says."""

import os
import time


def handler(event, _context):
    match event.get("do"):
        case "throw":
            raise ValueError("no kettle here")
        case "exit":
            os._exit(3)
        case "hang":
            time.sleep(60)
        case "eat":
            bytearray(os.urandom(1 << 20) * 512)
        case "print":
            for number in range(1 << 14):
                print(f"a line of sixty-four characters, with its number {number:015}")
        case "malformed":
            return {"a set is no JSON"}
    return "well"
