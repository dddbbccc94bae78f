/** How the modules of src/ are put together into the files of the package. Modules have their path below src/ as name. */

/** The part that every service loads. `src/core/origin/origin.ts` knows its name. */
const core = 'pg-lifeguard'

/** The parts of modules beside the core. The first match counts. */
const table: readonly (readonly [modules: RegExp, part: string])[] = [
  // Recognise what `watch` was given, for which nothing else is loaded.
  [/^hosts\/[\w-]+\/(?:shape|guarded-source)\.ts$/, core],
  [/^hosts\/(?!pg\/)([\w-]+)\//, 'hosts/$1'],
  [/^http\//, 'http'],
  [/^testing\/(jest|mocha|node-test|vitest)\.ts$/, 'testing/$1'],
  [/^(?:testing|service)\//, 'testing'],
  [/^otel\//, 'otel/index'],
  [/^postgres\//, 'postgres'],
  [/^access\//, 'access'],
  [/^page\//, 'page'],
  [/^context\/cls-hooked\.ts$/, 'context/cls-hooked'],
  [/^register\/(?:guard|variables|presets|general-path)\.ts$/, 'register/guard'],
  [/^register\//, 'register/main'],
  // Small, and used by several of these.
  [/^core\/statistics\/pool-figures\.ts$/, core],
  [/^hosts\/carried-stacks\.ts$/, core],
]

/** Whether a part is loaded at the first use of it, instead of together with its user. */
export function isLate(part: string, user: string): boolean {
  const isHost = part.startsWith('hosts/')
  if (user === core && !isHost) throw new Error(`the core would load the part ${part}`)
  return user === core || user === 'register/main'
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
  /** Except by `import()`. */
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

export interface Plan {
  readonly parts: readonly Part[]
  partOf(module: string): string
  /** Whether an entry point is a part itself, instead of some exports of one. */
  isWholePart(entry: string): boolean
}

/** The parts that the entry points need. */
export function planParts(entries: readonly Entry[], graph: Graph): Plan {
  const reached = reachable(
    entries.map(({ module }) => module),
    graph,
  )
  const places = placesOf(reached, graph)
  const partOf = (module: string) => {
    const part = places.get(module)
    if (part === undefined) throw new Error(`src/${module} is in no part`)
    return part
  }
  const isWholePart = (entry: string) => `${partOf(entry)}.ts` === entry
  const parts = [...new Set(places.values())].map((name): Part => {
    const own = reached.filter((module) => partOf(module) === name)
    const others = reached.filter((module) => partOf(module) !== name)
    const used = new Set(others.flatMap((module) => moduleAt(graph, module).imports))
    const ownEntries = entries.filter(({ module }) => own.includes(module))
    const exported = own.filter(
      (module) => used.has(module) || ownEntries.some((one) => one.module === module),
    )
    const whole = ownEntries.find(({ module }) => isWholePart(module))
    if (whole !== undefined && exported.length > 1) {
      throw new Error(`the part ${name} would export more than its entry point: ${exported.join(', ')}`)
    }
    return { name, exported, formats: whole === undefined ? ['cjs'] : formatsOf(whole, own, graph) }
  })
  return { parts, partOf, isWholePart }
}

/** The part of each module: that of the table, or the core for what `index.ts` needs, or else that of its only users. */
function placesOf(modules: readonly string[], graph: Graph): ReadonlyMap<string, string> {
  const places = new Map(modules.flatMap((module) => listedPart(module)))
  for (const module of reachable(['index.ts'], graph, (one) => (places.get(one) ?? core) === core)) {
    places.set(module, core)
  }
  const place = (module: string): string => {
    const known = places.get(module)
    if (known !== undefined) return known
    const users = modules.filter((one) => moduleAt(graph, one).imports.includes(module))
    const [part, ...more] = new Set(users.map(place))
    if (part === undefined || more.length > 0) {
      const found = [part, ...more].join(', ')
      throw new Error(`src/${module} is used by ${found}: add it to one of the parts in scripts/parts.ts`)
    }
    places.set(module, part)
    return part
  }
  for (const module of modules) place(module)
  return places
}

function listedPart(module: string): readonly (readonly [module: string, part: string])[] {
  for (const [modules, part] of table) {
    const match = modules.exec(module)
    if (match !== null) return [[module, part.replace('$1', match[1] ?? '')]]
  }
  return []
}

/** The modules, and those whose values they import, in alphabetical order. */
function reachable(
  modules: readonly string[],
  graph: Graph,
  isIncluded: (module: string) => boolean = () => true,
): readonly string[] {
  const found = new Set(modules)
  for (const module of found) {
    for (const imported of moduleAt(graph, module).imports) if (isIncluded(imported)) found.add(imported)
  }
  return [...found].sort()
}

/**
 * One copy for `import` and `require`, but for what imports packages: only an ES module can import a package that a bundler
 * leaves out of its ES module.
 */
function formatsOf({ formats }: Entry, modules: readonly string[], graph: Graph): readonly Format[] {
  const importsPackages = modules.some((module) => moduleAt(graph, module).importsPackages)
  return importsPackages || !formats.includes('cjs') ? formats : ['cjs']
}
