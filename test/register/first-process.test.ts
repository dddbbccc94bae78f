import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-first-'))
  const entryPoints = [join(import.meta.dirname, '../../src/register/first-process.ts')]
  buildSync({ entryPoints, outdir: folder, format: 'cjs', platform: 'node', bundle: true })
  const say = "const { isFirstProcess } = require('./first-process.js')\n"
  writeFileSync(join(folder, 'plain.js'), `${say}console.log(isFirstProcess())`)
  writeFileSync(
    join(folder, 'modules.js'),
    `${say}isFirstProcess()
console.log(process.moduleLoadList.filter((name) => /^NativeModule (?:cluster|worker_threads)$/.test(name)).join())`,
  )
  writeFileSync(
    join(folder, 'thread.js'),
    "new (require('node:worker_threads').Worker)(__dirname + '/plain.js')",
  )
  writeFileSync(
    join(folder, 'cluster.js'),
    "const cluster = require('node:cluster')\nif (cluster.isPrimary) cluster.fork()\nelse { require('./plain.js'); process.disconnect() }",
  )
  writeFileSync(join(folder, 'forked.js'), `${say}process.send(isFirstProcess()); process.disconnect()`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (file: string) =>
  execFileSync(process.execPath, [join(folder, file)], { encoding: 'utf8' }).trim()

it.each([
  ['a process', 'plain.js', 'true'],
  ['a worker thread', 'thread.js', 'false'],
  ['a worker of a cluster', 'cluster.js', 'false'],
])('%s', (_what, file, expected) => {
  expect(run(file)).toBe(expected)
})

it('a child process with a channel to its parent is none of the workers', async () => {
  const child = fork(join(folder, 'forked.js'), { execArgv: [] })
  const [isFirst] = await once(child, 'message')
  expect(isFirst).toBe(true)
})

it('loads no module to know it', () => {
  expect(run('modules.js')).toBe('')
})
