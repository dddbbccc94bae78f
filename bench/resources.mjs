// @ts-check

/** CPU time that this process has used so far, all its threads together: waiting costs nothing, garbage is paid for. */
export function cpuMicros() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Needs `--expose-gc`. Of a full collection, V8 would have to recover: it throws away what it has learned of the code. */
export function collectYoungGarbage() {
  collector()({ type: 'minor' })
}

/** What the heap holds when everything that can go has gone. Needs `--expose-gc`. */
export function heapBytes() {
  const collect = collector()
  // The second pass frees what the first one only finalised.
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

function collector() {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc')
  return globalThis.gc
}
