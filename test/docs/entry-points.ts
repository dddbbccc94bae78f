import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './page.ts'

/** What can be imported from the package, and the source file behind each. */
export const entryPoints: ReadonlyMap<string, string> = readEntryPoints()

function readEntryPoints(): Map<string, string> {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string
    exports: Record<string, string | { types: string } | { import: { types: string } }>
  }
  const found = new Map<string, string>()
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue
    const { types } = 'import' in target ? target.import : target
    const source = types.replace(/^\.\/dist\/(?:cjs\/)?(.*)\.d\.ts$/, 'src/$1.ts')
    found.set(`${name}${path.slice(1)}`, join(root, source))
  }
  return found
}
