// Imports each entry point named on the command line, and refuses those that change the process by being imported.
for (const specifier of process.argv.slice(2)) {
  const before = surroundings()
  const exports = await import(specifier)
  if (Object.keys(exports).length === 0) throw new Error(`${specifier} exports nothing`)
  const changes = surroundings().filter((fact) => !before.includes(fact))
  if (changes.length > 0) throw new Error(`importing ${specifier} has side effects: ${changes.join(', ')}`)
}

function surroundings() {
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout')
  return [
    ...Object.getOwnPropertyNames(globalThis).map((name) => `global ${name}`),
    ...process.eventNames().map((name) => `${process.listenerCount(name)} listeners for ${String(name)}`),
    `${timers.length} timers`,
    `stackTraceLimit ${Error.stackTraceLimit}`,
    `prepareStackTrace ${Error.prepareStackTrace}`,
  ]
}
