import type { OptionTable } from '../core/options/rows.ts'

/** The options of `withRequestScope`. */
export interface RequestScopeOptions<Request> {
  /** The request's name in reports, such as the route's pattern with the method. Called when a report needs it. */
  readonly name?: (request: Request) => string | undefined
  /** Default: the header `x-request-id`. */
  readonly id?: (request: Request) => string | undefined
}

export const requestScopeOptions = {
  whole: 'withRequestScope(lifeguard, handler, options)',
  prefix: 'withRequestScope.',
  rows: {
    name: { kind: 'function', expected: 'must be a function of the request' },
    id: { kind: 'function', expected: 'must be a function of the request' },
  },
} as const satisfies OptionTable<RequestScopeOptions<never>>
