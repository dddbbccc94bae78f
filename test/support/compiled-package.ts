import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bundle } from '../../scripts/bundle.ts'

const root = join(import.meta.dirname, '../..')

export interface CompiledPackage {
  /**
   * As it is published, without declarations and source maps: `package.json` and `dist/`, beside the `node_modules` of
   * this repository.
   */
  readonly folder: string
  remove(): void
}

/**
 * Compiles `src/` as it is now into a temporary folder. Processes that tests start run from there: `dist/` may be old, and
 * to compile on the fly would cost each of them several times what it does.
 */
export async function compilePackage(): Promise<CompiledPackage> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pg-lifeguard-compiled-')))
  for (const [path, text] of await bundle({ sourcemap: false })) {
    const file = join(folder, 'dist', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
