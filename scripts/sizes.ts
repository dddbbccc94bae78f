/**
 * Measures how large the package is, and what each entry point of it loads.
 *
 *   npm run sizes              prints it
 *   npm run sizes -- --write   puts it into docs/size.md
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..')
const page = join(root, 'docs/size.md')
const section = /(<!-- sizes:start -->\n)[\s\S]*(<!-- sizes:end -->)/
const run = promisify(execFile)

export interface Sizes {
  /** In bytes, as npm reports them. */
  readonly tarball: number
  readonly unpacked: number
  readonly files: number
  /** For each entry point, the bytes and the number of the package's own files that Node.js loads. */
  readonly loaded: readonly Loaded[]
}

interface Loaded {
  readonly entry: string
  readonly bytes: number
  readonly files: number
}

/** Of the package in dist/. */
export async function measureSizes(): Promise<Sizes> {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly exports: Readonly<Record<string, unknown>>
  }
  const pack = ['pack', '--json', '--dry-run', '--ignore-scripts']
  const { stdout } = await run('npm', pack, {
    cwd: root,
    maxBuffer: 1e8,
    shell: process.platform === 'win32',
  })
  const [{ size, unpackedSize, entryCount }] = JSON.parse(stdout)
  const entries = Object.keys(exports).filter((path) => !path.endsWith('.json'))
  const loaded: Loaded[] = []
  for (const path of entries) loaded.push(await loadedBy(name + path.slice(1)))
  return { tarball: size, unpacked: unpackedSize, files: entryCount, loaded }
}

/** In a process of its own: the module itself, and the CommonJS parts that it loads. */
async function loadedBy(entry: string): Promise<Loaded> {
  const program = `
    import { createRequire } from 'node:module'
    import { statSync } from 'node:fs'
    import { fileURLToPath } from 'node:url'
    const dist = ${JSON.stringify(join(root, 'dist'))}
    // The mode of a test runner is not there: what has been loaded by then counts.
    await import(${JSON.stringify(entry)}).catch(() => {})
    const own = fileURLToPath(import.meta.resolve(${JSON.stringify(entry)}))
    const parts = Object.keys(createRequire(own).cache).filter((file) => file.startsWith(dist))
    const files = [...new Set([own, ...parts])]
    console.log(JSON.stringify({ files: files.length, bytes: files.reduce((sum, file) => sum + statSync(file).size, 0) }))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: root })
  const last = stdout.trim().split('\n').at(-1) ?? ''
  return { entry, ...(JSON.parse(last) as Omit<Loaded, 'entry'>) }
}

export function sizesText({ tarball, unpacked, files, loaded }: Sizes): string {
  return `The package is ${kilobytes(tarball)} to download and ${kilobytes(unpacked)} unpacked, in ${files} files.

| \`import\` of | loads | files |
| --- | --- | --- |
${loaded.map(({ entry, bytes, files: count }) => `| \`${entry}\` | ${kilobytes(bytes)} | ${count} |`).join('\n')}
`
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1_000).toLocaleString('en')} kB`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = sizesText(await measureSizes())
  process.stdout.write(text)
  if (process.argv.includes('--write')) {
    const old = readFileSync(page, 'utf8')
    writeFileSync(
      page,
      old.replace(section, (_all, start, end) => `${start}\n${text}\n${end}`),
    )
  }
}
