// A handler that goes wrong as its event says.

import { setTimeout as sleep } from "node:timers/promises";

export const handler = async (event) => {
  switch (event.do) {
    case "throw":
      throw new RangeError("no kettle here");
    case "exit":
      process.exit(3);
      break;
    case "hang":
      await sleep(60_000);
      break;
    case "eat":
      Array.from({ length: 512 }, () => Buffer.alloc(1 << 20, 1));
      break;
    case "print":
      for (let number = 0; number < 1 << 14; number += 1) {
        console.log(`a line of sixty-four characters, with its number ${String(number).padStart(15, "0")}`);
      }
      break;
    case "malformed":
      return 1n;
  }
  return "well";
};
