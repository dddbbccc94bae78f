/** How the modules of src/ are put together into the files of the package. Modules have their path below src/ as name. */

/** The part that every service loads. `src/core/origin/origin.ts` knows its name. */
const core = 'pg-lifeguard'

/** The parts of modules. The first match counts; all other modules belong to the core. */
const table: readonly (readonly [modules: RegExp, part: string])[] = [
  // Recognise what `watch` was given, for which nothing else is loaded.
  [/^hosts\/[\w-]+\/(?:shape|guarded-source)\.ts$/, core],
  [/^hosts\/(?!pg\/)([\w-]+)\//, 'hosts/$1'],
  [/^http\//, 'http'],
  [/^testing\/(jest|mocha|node-test|vitest)\.ts$/, 'testing/$1'],
  [/^(?:testing|service)\/|^reporters\/(?:github|junit|markdown|sarif)\.ts$/, 'testing'],
  [/^otel\//, 'otel/index'],
  [/^postgres\//, 'postgres/index'],
  [/^context\/cls-hooked\.ts$/, 'context/cls-hooked'],
  [/^register\/(?:guard|variables|presets|general-path)\.ts$/, 'register/guard'],
  [/^register\//, 'register/main'],
]

export function partOf(module: string): string {
  for (const [modules, part] of table) {
    const match = modules.exec(module)
    if (match !== null) return part.replace('$1', match[1] ?? '')
  }
  return core
}

/** Whether a part is loaded at the first use of it, instead of together with its user. */
export function isLate(part: string, user: string): boolean {
  return user === 'register/main' || (user === core && part.startsWith('hosts/'))
}

export type Format = 'esm' | 'cjs'

/** A module that users can import, and the kinds of modules that it is published as. */
export interface Entry {
  readonly module: string
  readonly formats: readonly Format[]
}

export interface Module {
  /** The names of its values. */
  readonly exports: readonly string[]
  /** The modules whose values it imports. */
  readonly imports: readonly string[]
  readonly importsPackages: boolean
}

export type Graph = ReadonlyMap<string, Module>

export function moduleAt(graph: Graph, name: string): Module {
  const module = graph.get(name)
  if (module === undefined) throw new Error(`there is no module src/${name}`)
  return module
}

export interface Part {
  readonly name: string
  /** The modules whose values it exports. */
  readonly exported: readonly string[]
  readonly formats: readonly Format[]
}

/** Whether an entry point is a part itself, instead of some exports of one. */
export function isWholePart(entry: string): boolean {
  return `${partOf(entry)}.ts` === entry
}

/** The parts that the entry points need. */
export function planParts(entries: readonly Entry[], graph: Graph): readonly Part[] {
  const reached = new Set(entries.map(({ module }) => module))
  for (const module of reached) {
    for (const imported of moduleAt(graph, module).imports) reached.add(imported)
  }
  const modules = [...reached].sort()
  return [...new Set(modules.map(partOf))].map((name) => {
    const own = modules.filter((module) => partOf(module) === name)
    const used = modules
      .filter((module) => partOf(module) !== name)
      .flatMap((module) => moduleAt(graph, module).imports)
    const entriesOfPart = entries.filter(({ module }) => own.includes(module))
    const [whole] = entriesOfPart.filter(({ module }) => isWholePart(module))
    const exported = own.filter(
      (module) => used.includes(module) || entriesOfPart.some((entry) => entry.module === module),
    )
    if (whole !== undefined && exported.length > 1) {
      throw new Error(`the part ${name} would export more than its entry point: ${exported.join(', ')}`)
    }
    return { name, exported, formats: whole === undefined ? ['cjs'] : formatsOf(whole, own, graph) }
  })
}

/**
 * One copy for `import` and `require`, but for what imports packages: only an ES module can import a package that a bundler
 * leaves out of its ES module.
 */
function formatsOf({ formats }: Entry, modules: readonly string[], graph: Graph): readonly Format[] {
  const importsPackages = modules.some((module) => moduleAt(graph, module).importsPackages)
  return importsPackages || !formats.includes('cjs') ? formats : ['cjs']
}
