import { setTimeout as pause } from 'node:timers/promises'
import { ConnectionError } from '../../errors.ts'
import { ApplicationView } from '../../page/view/application-view.ts'
import { addItem, type PageItems, shown } from '../../page/view/items.ts'
import { askService } from '../../service/ask-service.ts'
import { lookAt, type ServiceLook } from '../../service/service-look.ts'
import { recordingOf, type ServiceRecording } from '../../service/service-recording.ts'

export interface FleetMemberOptions {
  readonly token: string | undefined
  /** Whether there are others, from which its pools must be told apart. */
  readonly isFleet: boolean
}

interface Seen {
  readonly look: ServiceLook
  /** Undefined if the service records nothing. */
  readonly recording: ServiceRecording | undefined
}

const periodMillis = 2_000
/** A service that does not answer is asked less often. */
const awayMillis = 5_000
const patienceMillis = 10_000

/** One guarded service: asked every other second while somebody looks at the page. It may be down, slow or hostile. */
export class FleetMember {
  readonly #url: string
  readonly #options: FleetMemberOptions
  readonly #view: ApplicationView
  readonly #over = new AbortController()
  #seen: Seen | undefined
  #lost: string | undefined
  #wantedAt = 0
  #running: Promise<void> | undefined

  constructor(url: string, options: FleetMemberOptions) {
    this.#url = url
    this.#options = options
    this.#view = new ApplicationView(options.isFleet ? this.name : undefined)
  }

  /** Its host and port: unlike a name that it gives itself, no other service has the same. */
  get name(): string {
    const { host, pathname } = new URL(this.#url)
    const path = pathname.replace(/\/+$/, '')
    return shown(path === '' || path === '/lifeguard' ? host : `${host}${path}`)
  }

  /** Adds its last data, and keeps asking. */
  addTo(items: PageItems): void {
    this.#wantedAt = performance.now()
    if (!this.#over.signal.aborted) this.#running ??= this.#run()
    const seen = this.#seen
    addItem(items, 'apps', this.name, {
      id: this.name,
      ...(this.#lost === undefined ? {} : { lost: shown(this.#lost) }),
      ...(seen !== undefined && seen.recording === undefined ? { withoutTimeline: true as const } : {}),
    })
    if (seen !== undefined) this.#view.addTo(items, { snapshot: seen.look, recording: seen.recording ?? [] })
  }

  async close(): Promise<void> {
    this.#over.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted && performance.now() - this.#wantedAt < patienceMillis) {
      await this.#ask(signal)
      const millis = this.#lost === undefined ? periodMillis : awayMillis
      await pause(millis, undefined, { signal }).catch(() => {})
    }
    this.#running = undefined
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      const service = await askService(this.#url, {
        token: this.#options.token,
        tokenName: '--app-token',
        signal,
      })
      const look = await lookAt(service)
      const recording = service.pages.includes('timeline') ? await recordingOf(service) : undefined
      this.#seen = { look, recording }
      this.#lost = undefined
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ConnectionError)) throw error
      this.#lost = error.message
    }
  }
}
