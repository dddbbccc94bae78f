/**
 * Bundles the page and compiles src/ into dist/, unless dist/ is what was compiled from just these files: most commands begin with a build, and
 * few of them after a change.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = join(import.meta.dirname, '..')
const stamp = join(root, '.tmp/build')

if (stampOf() !== contentOf(stamp)) {
  // The bundler and the compiler alone take longer to load than all this.
  const { bundlePage } = await import('./page-bundle.ts')
  await bundlePage()
  const { compile } = await import('./compile.ts')
  if (await compile()) {
    mkdirSync(dirname(stamp), { recursive: true })
    writeFileSync(stamp, stampOf())
  } else {
    process.exitCode = 1
  }
}

/** Differs with the content and the name of each file that goes into a build, or comes out of it. */
function stampOf(): string {
  const settings = readdirSync(root).filter((name) => /^(?:tsconfig.*|package-lock)\.json$/.test(name))
  const hash = createHash('sha256')
  for (const path of [...settings, ...['scripts', 'page', 'src', 'dist'].flatMap(filesIn)]) {
    hash.update(`${path}\0${contentOf(join(root, path))}\0`)
  }
  return hash.digest('hex')
}

function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    return entries.filter((one) => one.isFile()).map((one) => relative(root, join(one.parentPath, one.name)))
  } catch {
    return []
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
