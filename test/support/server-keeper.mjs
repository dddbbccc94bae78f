// @ts-check
// A process of its own that owns one PostgreSQL server and its folders. It outlives whoever started it just long enough
// to clean up: when the channel to the starter closes, for whatever reason (even SIGKILL), the server is stopped and the
// folder removed. Everything is created here, so there is no moment at which the starter's death leaves something behind.
// Plain JavaScript, because it runs in a bare node, without tsx or vitest.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { chmod, chown, cp, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isComplete, stage } from './postgres-binaries.mjs'
import { makeDataFolder, quickVerifier } from './server-data.mjs'

/**
 * @typedef {{ native: string, password: string, port?: number, settings: Record<string, string>, standbyOf?: string }} Order
 * @typedef {{ uid: number, gid: number } | undefined} Account
 */

const readyWithinMillis = 60_000
const stopPatienceMillis = 10_000
const portAttempts = 10
const environment = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }

/** Of the server's log and, if need be, its binaries. @type {string | undefined} */
let folder
/** Of its data: in `folder`, or linked there. @type {string | undefined} */
let dataFolder
/** The initdb or postgres that runs at the moment. @type {import('node:child_process').ChildProcess | undefined} */
let running
/** @type {Promise<void> | undefined} */
let starting
/** @type {Promise<void> | undefined} */
let ending

/** @param {Order} order */
async function start(order) {
  const account = serverAccount()
  const { native, version } = await settle(order.native, account)
  if (order.standbyOf === undefined) await initialise(native, order.password, account)
  else await copyForStandby(order.standbyOf, account)
  await launch(native, version, order, account)
}

/**
 * PostgreSQL refuses to run as root, and initdb as a user without a name: take one that is there.
 * @returns {Account}
 */
function serverAccount() {
  if (process.getuid?.() !== 0) return undefined
  const id = (/** @type {string} */ option, /** @type {string} */ name) =>
    Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  for (const name of ['postgres', 'nobody', 'daemon']) {
    try {
      return { uid: id('-u', name), gid: id('-g', name) }
    } catch {
      // No such user here.
    }
  }
  throw new Error(
    'PostgreSQL cannot run as root, and there is no user postgres, nobody or daemon to run it as',
  )
}

/**
 * Creates the folder, and in it the binaries unless they can be used where they are: the user that root runs the server
 * as may be unable to enter the checkout, and a TMPDIR that is root's alone too.
 * @param {string} packaged
 * @param {Account} account
 */
async function settle(packaged, account) {
  const inPlace = account === undefined && (await isComplete(packaged))
  const bases = account === undefined ? [tmpdir()] : [...new Set([tmpdir(), '/tmp', '/var/tmp'])]
  const failures = []
  for (const base of bases) {
    refuseWhenEnding()
    folder = await mkdtemp(join(base, 'pg-lifeguard-'))
    if (account !== undefined) await chmod(folder, 0o755)
    const native = inPlace ? packaged : join(folder, 'native')
    if (!inPlace) await stage(packaged, native)
    try {
      return { native, version: await run(join(native, 'bin', 'postgres'), ['--version'], account) }
    } catch (error) {
      failures.push(`in ${base}: ${error instanceof Error ? error.message : error}`)
      await rm(folder, { recursive: true, force: true })
    }
  }
  throw new Error(`PostgreSQL cannot be executed ${failures.join('; ')}`)
}

/**
 * @param {string} native
 * @param {string} password
 * @param {Account} account
 */
async function initialise(native, password, account) {
  const data = await makeData()
  const passwordFile = join(home(), 'password')
  await writeFile(passwordFile, `${quickVerifier(password)}\n`, { mode: 0o600 })
  if (account) for (const path of [data, passwordFile]) await chown(path, account.uid, account.gid)
  const options = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
  // Segments of 1 MB instead of 16: less to write for a cluster that lives for seconds.
  options.push('--encoding=UTF8', '--locale=C', '--no-sync', '--wal-segsize=1')
  await run(join(native, 'bin', 'initdb'), options, account)
  await rm(passwordFile)
}

async function makeData() {
  refuseWhenEnding()
  dataFolder = await makeDataFolder(join(home(), 'data'))
  return dataFolder
}

/**
 * Takes over the folder of a server that runs, and that was told to be copied.
 * @param {string} primary
 * @param {Account} account
 */
async function copyForStandby(primary, account) {
  const data = await makeData()
  await cp(await realpath(primary), data, {
    recursive: true,
    filter: (path) => !['postmaster.pid', 'postmaster.opts'].includes(basename(path)),
  })
  await writeFile(join(data, 'standby.signal'), '')
  if (account === undefined) return
  for (const entry of ['.', ...(await readdir(data, { recursive: true }))]) {
    await chown(join(data, entry), account.uid, account.gid)
  }
}

/**
 * Starts the server on a free port. Another process may take the port first: then on another one.
 * @param {string} native
 * @param {string} version
 * @param {Order} order
 * @param {Account} account
 */
async function launch(native, version, order, account) {
  const log = join(home(), 'server.log')
  for (let attempt = 1; ; attempt += 1) {
    const port = attempt === 1 && order.port ? order.port : await freePort()
    const settings = { ...order.settings, port: String(port) }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    refuseWhenEnding()
    const output = openSync(log, 'w')
    const server = spawn(join(native, 'bin', 'postgres'), ['-D', join(home(), 'data'), ...options], {
      ...account,
      cwd: '/',
      env: environment,
      // Of its own group: a Ctrl-C is for the starter, who decides what becomes of the server.
      detached: true,
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    running = server
    const exited = once(server, 'exit')
    const started = await Promise.race([isReady(server), exited.then(() => false)])
    if (started) {
      const number = version.match(/\d+(\.\d+)*/)?.[0]
      const ready = { port, pid: server.pid, version: number, log, data: dataFolder }
      process.send?.({ ready }, () => {})
      return
    }
    const text = await readFile(log, 'utf8')
    if (text.includes('could not create any TCP/IP sockets') && attempt < portAttempts) continue
    throw new Error(`PostgreSQL did not start on port ${port}; its log says:\n${text}`)
  }
}

/**
 * The server notes its state in the last line of its pid file; pg_ctl goes by that too.
 * @param {import('node:child_process').ChildProcess} server
 */
async function isReady(server) {
  const deadline = performance.now() + readyWithinMillis
  while (server.exitCode === null && server.signalCode === null && performance.now() < deadline) {
    const lines = (await readFile(join(home(), 'data', 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (lines[0] === String(server.pid) && lines[7]?.trim() === 'ready') return true
    await pause(10)
  }
  return false
}

async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/**
 * Runs a program to its end and gives what it printed.
 * @param {string} program
 * @param {string[]} options
 * @param {Account} account
 */
async function run(program, options, account) {
  refuseWhenEnding()
  const child = spawn(program, options, {
    ...account,
    cwd: '/',
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running = child
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code, signal] = await once(child, 'close').finally(() => (running = undefined))
  if (code !== 0)
    throw new Error(`${basename(program)} ended with ${signal ?? `exit code ${code}`}:\n${output}`)
  return output
}

function home() {
  if (folder === undefined) throw new Error('no folder yet')
  return folder
}

function refuseWhenEnding() {
  if (ending) throw new Error('asked to stop while starting')
}

/**
 * Stops whatever runs, more and more firmly, and removes the folders.
 * @param {NodeJS.Signals} signal
 */
async function stop(signal) {
  for (const next of /** @type {NodeJS.Signals[]} */ ([signal, 'SIGQUIT', 'SIGKILL'])) {
    const child = running
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) break
    child.kill(next)
    await Promise.race([once(child, 'exit'), pause(stopPatienceMillis, undefined, { ref: false })])
  }
  await starting?.catch(() => {})
  for (const each of [dataFolder, folder])
    if (each) await rm(each, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
}

/** @param {NodeJS.Signals} signal */
function end(signal) {
  ending ??= stop(signal).then(
    () => process.exit(0),
    (error) => {
      console.error(error)
      process.exit(1)
    },
  )
  return ending
}

process.umask(0o022)
process.chdir('/')
process.stderr.on('error', () => {})
process.on('disconnect', () => end('SIGQUIT'))
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => end('SIGQUIT'))
process.on('message', (/** @type {{ start?: Order, stop?: NodeJS.Signals }} */ message) => {
  if (message.stop) end(message.stop)
  if (message.start) {
    starting = start(message.start)
    starting.catch(async (error) => {
      const failed = error instanceof Error ? error.message : String(error)
      // What has not left this process when it ends is lost.
      if (process.connected)
        await new Promise((resolve) => process.send?.({ failed }, () => resolve(undefined)))
      await end('SIGQUIT')
    })
  }
})
