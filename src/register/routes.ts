import { channel } from 'node:diagnostics_channel'
import { addDetour } from './prototypes.ts'

interface FastifyLike {
  addHook?(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: unknown, done: () => void) => void,
  ): unknown
}

interface FastifyRequestLike {
  readonly raw: object
  readonly routeOptions?: { readonly url?: string }
  readonly routerPath?: string
}

interface KoaContextLike {
  /** The pattern of the route, set by Koa's routers. */
  readonly _matchedRoute?: unknown
}

/** The route patterns that frameworks report. For Express, the request itself has its route. */
export class Routes {
  readonly #patterns = new WeakMap<object, () => unknown>()

  constructor() {
    // Fastify 4 and 5 publish each new instance.
    channel('fastify.initialization').subscribe((message) => {
      const { fastify } = message as { readonly fastify?: FastifyLike }
      fastify?.addHook?.('onRequest', (request, _reply, done) => {
        // To read `routerPath` is deprecated where there is `routeOptions`.
        const { raw, routeOptions } = request
        this.#patterns.set(raw, () => (routeOptions === undefined ? request.routerPath : routeOptions.url))
        done()
      })
    })
  }

  /** Handles a loaded package. */
  loaded(name: string, exported: unknown): void {
    if (name !== 'koa') return
    const { default: Koa = exported } = Object(exported) as { readonly default?: unknown }
    addDetour(Koa, ['createContext'], (_app, _name, original) => {
      const patterns = this.#patterns
      return function createContext(this: object, ...args: unknown[]) {
        const context = Reflect.apply(original, this, args) as KoaContextLike
        const [request] = args
        if (typeof request === 'object' && request !== null)
          patterns.set(request, () => context._matchedRoute)
        return context
      }
    })
  }

  /** The pattern of a request's route; undefined until a framework has reported it. */
  of(request: object): string | undefined {
    const pattern = this.#patterns.get(request)?.()
    return pattern === undefined || pattern === null ? undefined : String(pattern)
  }
}
