import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Mode, Order, Report, Sample, Slots } from './protocol.ts'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/** A running service, as seen from outside. */
export class ServiceProcess {
  readonly mode: Mode
  readonly url: string
  readonly samples: { readonly minutes: number; readonly sample: Sample }[] = []
  readonly slots: Slots[] = []
  readonly crashes: string[] = []
  readonly #child: ChildProcess
  #isEnding = false

  private constructor(mode: Mode, url: string, child: ChildProcess) {
    this.mode = mode
    this.url = url
    this.#child = child
    this.on((report) => {
      if (report.type === 'crash') this.crashes.push(report.message)
      if (report.type === 'drained') this.slots.push(report.slots)
    })
    child.once('exit', (code, signal) => {
      if (!this.#isEnding) this.crashes.push(`the process ended: ${signal ?? code}`)
    })
  }

  static async start(mode: Mode, databaseUrl: string): Promise<ServiceProcess> {
    const file = fileURLToPath(new URL('service.ts', import.meta.url))
    const child = fork(file, [mode, databaseUrl], { execArgv: ['--import', tsx, '--expose-gc'] })
    const [ready] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the service did not start: ${code}`)
      }),
    ])) as [Report]
    if (ready.type !== 'ready') throw new Error(`the service did not start: ${JSON.stringify(ready)}`)
    return new ServiceProcess(mode, ready.url, child)
  }

  /** Calls it with each report from now on. */
  on(listener: (report: Report) => void): void {
    this.#child.on('message', listener)
  }

  send(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => {})
  }

  /** Resolves at the next report of this type; undefined if the process is gone, or does not answer for a minute. */
  async next<Type extends Report['type']>(
    type: Type,
    isRight: (report: Extract<Report, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<Report, { type: Type }> | undefined> {
    return new Promise((resolve) => {
      const finish = (report?: Extract<Report, { type: Type }>) => {
        clearTimeout(timer)
        this.#child.off('message', listener)
        this.#child.off('exit', gone)
        resolve(report)
      }
      const gone = () => finish()
      const timer = setTimeout(gone, 60_000)
      const listener = (report: Report) => {
        const found = report as Extract<Report, { type: Type }>
        if (report.type === type && isRight(found)) finish(found)
      }
      this.#child.on('message', listener)
      this.#child.once('exit', gone)
    })
  }

  async end(): Promise<void> {
    this.#isEnding = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.send({ type: 'end' })
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  }
}
