import { type ChannelListener, channel } from 'node:diagnostics_channel'
import Module from 'node:module'

/** Called with the name of a package and the exports of its main module, each time it is loaded. It must not throw. */
export type PackageListener = (name: string, exported: unknown) => void

interface RequireMessage {
  readonly id?: unknown
  readonly result?: unknown
}

type Load = (this: unknown, id: unknown, ...rest: unknown[]) => unknown

/**
 * Follows the packages that this process loads as CommonJS modules, by `require` or `import`. Their exports are passed
 * to the listener, and not replaced.
 */
export function followPackages(loaded: PackageListener): void {
  if (!followChannel(loaded)) followLoad(loaded)
}

/** Follows the modules that `require` loads, which Node.js 22 and later publish. Returns false on older versions. */
function followChannel(loaded: PackageListener): boolean {
  const ends = channel('tracing:module.require:end')
  let publishes = false
  const listener: ChannelListener = (message) => {
    const { id, result } = message as RequireMessage
    if (result === undefined) return
    publishes = true
    show(loaded, id, result)
  }
  ends.subscribe(listener)
  Module.createRequire(`${process.cwd()}/`)('node:path')
  if (!publishes) ends.unsubscribe(listener)
  return publishes
}

function followLoad(loaded: PackageListener): void {
  const loader = Module as unknown as { _load: Load }
  const original = loader._load
  loader._load = function (id, ...rest) {
    const result = Reflect.apply(original, this, [id, ...rest])
    show(loaded, id, result)
    return result
  }
}

function show(loaded: PackageListener, id: unknown, result: unknown): void {
  const name = typeof id === 'string' ? packageOf(id) : undefined
  if (name !== undefined) loaded(name, result)
}

/** The name of the package for a specifier: `require` usually gets a name, `import` the path of a file. */
export function packageOf(id: string): string | undefined {
  if (id.startsWith('.')) return undefined
  const path = id.replaceAll('\\', '/')
  const start = path.lastIndexOf('/node_modules/')
  const inside = start === -1 ? path : path.slice(start + '/node_modules/'.length)
  if (/^(?:\/|node:|[a-z]:\/)/i.test(inside)) return undefined
  return /^(?:@[^/]+\/)?[^/]+/.exec(inside)?.[0]
}
