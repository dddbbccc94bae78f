import type { Connection, Query, QueryOptions, Reserved } from '../../../src/hosts/postgres-js/driver.ts'

/** A failure as the server tells it. */
export class ToyError extends Error {
  override readonly name = 'PostgresError'
  readonly code: string

  constructor(code: string) {
    super(`failed with ${code}`)
    this.code = code
  }
}

type Handler = (query: ToyQuery) => unknown

/** A query in the manner of postgres.js: a promise that sends itself when it is awaited. */
export class ToyQuery extends Promise<unknown> {
  readonly tagged = false
  readonly canceller = null
  handler: Handler
  strings: readonly string[]
  options: QueryOptions
  state: { pid: number } | null = null
  cancelled: unknown = null
  executed = false
  resolve: (value: unknown) => void
  reject: (error: unknown) => void

  constructor(text: string, handler: Handler, options: QueryOptions = {}) {
    const settle: { resolve?: (value: unknown) => void; reject?: (error: unknown) => void } = {}
    super((resolve, reject) => Object.assign(settle, { resolve, reject }))
    this.strings = [text]
    this.handler = handler
    this.options = options
    this.resolve = (value) => settle.resolve?.(value)
    this.reject = (error) => settle.reject?.(error)
  }

  static override get [Symbol.species]() {
    return Promise
  }

  raw(): this {
    return this
  }

  // biome-ignore lint/suspicious/noThenProperty: as the driver's
  override then<A = unknown, B = never>(
    onResolved?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (!this.executed) {
      this.executed = true
      queueMicrotask(() => this.handler(this))
    }
    return super.then(onResolved, onRejected)
  }
}

export interface ToySql {
  (strings: TemplateStringsArray, ...values: unknown[]): ToyQuery
  unsafe(text: string, args?: readonly unknown[], options?: QueryOptions): ToyQuery
}

export interface ToyReserved extends ToySql {
  release(): unknown
}

/** What the toy has for `sql`. */
export interface ToyPool extends ToySql {
  begin(work: (tx: ToySql) => unknown): Promise<unknown>
  begin(options: string, work?: (tx: ToySql) => unknown): Promise<unknown>
  reserve(): Promise<ToyReserved>
  end(): Promise<void>
  listen(): void
  readonly options: { readonly max: number; readonly connection: { application_name: string } }
}

/** One place of the toy's pool. It answers each statement in a turn of its own, in order. */
export class ToyConnection implements Connection {
  readonly written: string[] = []
  reserved: Reserved | null = null
  onclose: Connection['onclose']
  pid = 0
  letter = 'I'
  isOpen = false
  readonly #pool: ToyDriver
  #sent: ToyQuery[] = []

  constructor(pool: ToyDriver) {
    this.#pool = pool
  }

  execute(given: Query): unknown {
    const query = given as unknown as ToyQuery
    if (!this.isOpen) {
      this.isOpen = true
      this.pid = this.#pool.newPid()
    }
    query.state = { pid: this.pid }
    this.written.push(query.strings.join(''))
    this.#sent.push(query)
    setImmediate(() => this.#answer(query))
    return query.options.onexecute === undefined || query.options.onexecute(this)
  }

  terminate(): void {
    this.close(new Error('terminated'))
  }

  /** The socket is closed, by whomever. */
  close(error = new Error('closed')): void {
    for (const query of this.#sent.splice(0)) query.reject(error)
    this.isOpen = false
    this.letter = 'I'
    this.reserved = null
    const { onclose } = this
    if (onclose) {
      onclose(error)
      this.onclose = null
    }
    this.#pool.isFree(this)
  }

  #answer(query: ToyQuery): void {
    if (this.#sent[0] !== query) return
    const text = query.strings.join('').replace(/ ?\/\*.*\*\//, '')
    const error = this.#failureOf(text)
    if (error === undefined) query.resolve(Object.assign([{ text }], { command: this.#run(text), count: 1 }))
    else query.reject(error)
    this.#sent.shift()
    if (this.#sent.length > 0) return
    if (this.reserved === null) this.#pool.isFree(this)
    else if (!this.reserved.release && this.letter === 'I') {
      this.reserved = null
      this.#pool.isFree(this)
    } else this.reserved()
  }

  #failureOf(text: string): ToyError | undefined {
    if (this.letter === 'E' && !/^(commit|rollback)/i.test(text)) return new ToyError('25P02')
    if (!/fail/i.test(text)) return undefined
    if (this.letter === 'T') this.letter = 'E'
    return new ToyError('22012')
  }

  #run(text: string): string {
    const before = this.letter
    const [command = ''] = text.toUpperCase().split(' ')
    if (command === 'BEGIN') this.letter = 'T'
    if (command === 'COMMIT' || command === 'ROLLBACK') this.letter = 'I'
    return command === 'COMMIT' && before === 'E' ? 'ROLLBACK' : command
  }
}

/** A pool in the manner of postgres.js, whose server is a few lines that know BEGIN, COMMIT, ROLLBACK and `fail`. */
export class ToyDriver {
  readonly connections: ToyConnection[]
  readonly sql: ToyPool
  readonly #free: ToyConnection[]
  #pid = 100
  readonly #waiting: ((connection: ToyConnection) => void)[] = []

  constructor(max = 1) {
    this.connections = Array.from({ length: max }, () => new ToyConnection(this))
    this.#free = [...this.connections]
    const sql = toySql((query) => this.#use((connection) => connection.execute(query as unknown as Query)))
    this.sql = Object.assign(sql, {
      begin: (...args: unknown[]) => this.#begin(args),
      reserve: () => this.#reserve(),
      end: async () => {},
      listen: () => {},
      options: { max, connection: { application_name: 'postgres.js' } },
    })
  }

  newPid(): number {
    this.#pid += 1
    return this.#pid
  }

  isFree(connection: ToyConnection): void {
    const next = this.#waiting.shift()
    if (next !== undefined) next(connection)
    else if (!this.#free.includes(connection)) this.#free.push(connection)
  }

  #use(take: (connection: ToyConnection) => void): void {
    const connection = this.#free.shift()
    if (connection === undefined) this.#waiting.push(take)
    else take(connection)
  }

  async #begin(args: unknown[]): Promise<unknown> {
    const work = (args[1] ?? args[0]) as (tx: ToySql) => unknown
    const options = args[1] === undefined ? '' : ` ${args[0]}`
    let used: ToyConnection | undefined
    const onexecute = (connection: Connection) => {
      used = connection as ToyConnection
      used.reserved = () => {}
    }
    await this.sql.unsafe(`begin${options}`, [], { onexecute })
    const connection = used as ToyConnection | undefined
    if (connection === undefined) throw new Error('not begun')
    const tx = toySql((query) => connection.execute(query as unknown as Query))
    const scope = async () => {
      let result: unknown
      try {
        result = await work(tx)
      } catch (error) {
        await tx.unsafe('rollback')
        throw error
      }
      await tx.unsafe('commit')
      return result
    }
    return Promise.race([
      scope(),
      new Promise((_resolve, reject) => {
        connection.onclose = reject
      }),
    ])
  }

  async #reserve(): Promise<ToyReserved> {
    const connection = await new Promise<ToyConnection>((resolve) => this.#use(resolve))
    connection.reserved = () => {}
    connection.reserved.release = true
    const sql = toySql((query) => connection.execute(query as unknown as Query))
    const release = () => {
      connection.reserved = null
      this.isFree(connection)
    }
    return Object.assign(sql, { release })
  }
}

function toySql(handler: Handler): ToySql {
  const tag = (strings: TemplateStringsArray) => new ToyQuery(strings.join('$1'), handler)
  return Object.assign(tag, {
    unsafe: (text: string, _args: readonly unknown[] = [], options: QueryOptions = {}) =>
      new ToyQuery(text, handler, { simple: true, ...options }),
  })
}
