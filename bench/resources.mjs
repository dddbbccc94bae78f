// @ts-check

/** CPU time that this process has used so far, all its threads together: waiting costs nothing, garbage is paid for. */
export function cpuMicros() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** What the heap holds when everything that can go has gone. Needs `--expose-gc`. */
export function heapBytes() {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc')
  // The second pass frees what the first one only finalised.
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}
