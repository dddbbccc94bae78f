import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')
const specifier = /((?:\bfrom|\bimport|\brequire) ?\(?")(\.{1,2}\/[^"\n]+)\.ts"/g

export interface CompiledPackage {
  /**
   * As it is published, both kinds of modules, without the declarations: `package.json` and `dist/`, beside the
   * `node_modules` of this repository. The command line alone is bundled: its process, of which tests start many, loads
   * in half the time.
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
  const source = join(root, 'src')
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
  const common = {
    absWorkingDir: root,
    outbase: source,
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
  } as const
  const compile = async (format: 'esm' | 'cjs', entryPoints: string[], outdir: string) => {
    const { outputFiles } = await build({ ...common, entryPoints, outdir, format, write: false })
    for (const { path, text } of outputFiles) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text.replaceAll(specifier, '$1$2.js"'))
    }
  }
  const output = join(folder, 'dist')
  const isDual = (file: string) => !/src[/\\](?:cli[/\\]|testing[/\\]vitest\.)/.test(file)
  await Promise.all([
    compile('esm', files, output),
    compile('cjs', files.filter(isDual), join(output, 'cjs')),
  ])
  writeFileSync(join(output, 'cjs/package.json'), '{ "type": "commonjs" }')
  await build({
    ...common,
    entryPoints: [join(source, 'cli/main.ts')],
    outdir: output,
    format: 'esm',
    bundle: true,
    splitting: true,
    packages: 'external',
    chunkNames: 'cli/[name]-[hash]',
  })
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
