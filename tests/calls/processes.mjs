// What processes use, from /proc.
import fs from 'node:fs';

/** Clock ticks per second in /proc/PID/stat: 100 on every Linux this runs on. */
const TICKS = 100;
/** Bytes of a page in /proc/PID/statm. */
const PAGE = 4_096;

/** Fields of /proc/PID/stat from the third on; null when the process is gone. */
function stat(pid) {
  try {
    // The name, in brackets, may hold anything.
    return fs.readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
  } catch {
    return null;
  }
}

/** Seconds of CPU a process has used, threads included. */
export function cpuSeconds(pid) {
  const fields = stat(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) / TICKS : 0;
}

/** A process and everything it started that still hangs on it. */
export function family(pid) {
  const children = new Map();
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(stat(name)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const all = [pid];
  for (let i = 0; i < all.length; i++) all.push(...(children.get(all[i]) ?? []));
  return all;
}

export const memoryBytes = (pid) => Number(fs.readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE;
export const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;
