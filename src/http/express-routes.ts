/** A layer of a router's stack, in Express 4 and 5. */
interface Layer {
  readonly handle?: unknown
  readonly route?: unknown
}

/** The number of routes before `middleware` in its router; zero if it is not found. */
export function routesBefore(app: unknown, middleware: unknown): number {
  return countBefore(routerOf(app), middleware) ?? 0
}

/** Express 4 has `_router`, and a `router` that throws; Express 5 has only `router`. */
function routerOf(app: unknown): unknown {
  if (typeof app !== 'function') return undefined
  const { _router } = app as { readonly _router?: unknown }
  return _router ?? (app as { readonly router?: unknown }).router
}

function countBefore(router: unknown, middleware: unknown): number | undefined {
  const layers = layersOf(router)
  const at = layers.findIndex(({ handle }) => handle === middleware)
  if (at !== -1) return layers.slice(0, at).reduce((sum, layer) => sum + routesIn(layer), 0)
  for (const { handle } of layers) {
    const count = countBefore(handle, middleware)
    if (count !== undefined) return count
  }
  return undefined
}

function routesIn({ route, handle }: Layer): number {
  if (route !== undefined) return 1
  return layersOf(handle).reduce((sum, layer) => sum + routesIn(layer), 0)
}

function layersOf(router: unknown): readonly Layer[] {
  if (typeof router !== 'function') return []
  const { stack } = router as { readonly stack?: unknown }
  return Array.isArray(stack) ? (stack as Layer[]) : []
}
