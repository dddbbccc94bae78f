for (const specifier of process.argv.slice(2)) {
  if (Object.keys(require(specifier)).length === 0) throw new Error(`${specifier} exports nothing`)
}
