import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, inject } from 'vitest'
import type { Finding, Origin } from '../../../../src/index.ts'
import type { TestDatabase } from '../../../support/database.ts'

const root = join(import.meta.dirname, '../../../..')

export interface BundleProject {
  file(path: string): string
  write(files: Readonly<Record<string, string>>): void
  /** Runs a file, and returns the lines that are JSON objects and those that are not. */
  run(
    file: string,
    nodeArgs?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<BundleOutput>
  environment(env?: Readonly<Record<string, string>>): NodeJS.ProcessEnv
  /** The comment behind the line of a source to which this place of a bundle leads, through its source map or without one. */
  commentAt(place: Pick<Origin, 'file' | 'line' | 'column'> | undefined): string
}

export interface BundleOutput {
  readonly findings: readonly Finding[]
  readonly messages: readonly string[]
}

/**
 * A project with two copies of this package, `pg-lifeguard` and `other-lifeguard`, one of which may be in a bundle while
 * the other one is not; and the packages that are named, from these folders of modules.
 */
export function useBundleProject(
  db: TestDatabase,
  packages: Readonly<Record<string, string>>,
): BundleProject {
  let folder = ''
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'pg-lifeguard-bundle-')))
    for (const name of ['pg-lifeguard', 'other-lifeguard']) {
      const copy = join(folder, 'node_modules', name)
      cpSync(join(inject('compiledPackage'), 'dist'), join(copy, 'dist'), { recursive: true })
      const manifest = readFileSync(join(inject('compiledPackage'), 'package.json'), 'utf8')
      writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...JSON.parse(manifest), name }))
    }
    for (const [name, modules] of Object.entries({ pg: join(root, 'node_modules'), ...packages })) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(modules, name), link, 'junction')
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const project: BundleProject = {
    file: (path) => join(folder, path),
    write(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), text)
      }
    },
    async run(file, nodeArgs = [], env = {}) {
      const options = {
        cwd: folder,
        env: project.environment(env),
        timeout: 60_000,
        encoding: 'utf8',
      } as const
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...nodeArgs, file], options)
      return readOutput(stdout + stderr)
    },
    environment(env = {}) {
      const own: NodeJS.ProcessEnv = { ...process.env, DATABASE_URL: db.url, NO_COLOR: '1' }
      for (const name of ['NODE_OPTIONS', 'NODE_ENV', 'VITEST', 'FORCE_COLOR'])
        Reflect.deleteProperty(own, name)
      return { ...own, ...env }
    },
    commentAt(place) {
      if (place === undefined) return 'nowhere'
      const { file, line } = throughMap(place)
      const text = readFileSync(file, 'utf8').split('\n')[line - 1] ?? ''
      return /\/\/ (.*)$/.exec(text)?.[1] ?? `${basename(file)}:${line}`
    },
  }
  return project
}

export function readOutput(output: string): BundleOutput {
  const findings: Finding[] = []
  const messages: string[] = []
  for (const line of output.split('\n').filter(Boolean)) {
    const event = line.startsWith('{') ? JSON.parse(line) : { message: line }
    if (event.event === 'finding') findings.push(event)
    else messages.push(event.message ?? line)
  }
  return { findings, messages }
}

/** As a person does who has the map of a bundle that runs without it. */
function throughMap({ file, line, column }: Pick<Origin, 'file' | 'line' | 'column'>) {
  let text: string
  try {
    text = readFileSync(`${file}.map`, 'utf8')
  } catch {
    return { file, line }
  }
  const entry = new SourceMap(JSON.parse(text)).findEntry(line - 1, column - 1)
  if (!('originalSource' in entry)) return { file, line }
  return { file: new URL(entry.originalSource, `file://${file}`).pathname, line: entry.originalLine + 1 }
}
