/**
 * An option as data: its accepted values and its default. Options are read against these rows, the documentation is
 * checked against them, and the kind decides how a string such as `10s` is parsed.
 */
export type Row =
  | BooleanRow
  | MillisRow
  | CountRow
  | ChoiceRow<string>
  | StringRow
  | FunctionRow
  | ObjectRow
  | MapRow
  | ArrayRow<never>
  | OptionsRow<never>

interface Common {
  /** It must be given. */
  readonly required?: true
  /** The requirement in messages, if it is not that of the kind: `must be a path`. */
  readonly expected?: string
}

export interface BooleanRow extends Common {
  readonly kind: 'boolean'
  readonly default?: boolean
}

/** A duration in milliseconds, greater than zero. */
export interface MillisRow extends Common {
  readonly kind: 'millis'
  readonly default?: number | false
  /** `false` is accepted, too. */
  readonly off?: true
  /** Zero is accepted, too. */
  readonly zero?: true
  readonly whole?: true
  /** The maximum. Default: that of timers and PostgreSQL's settings. */
  readonly most?: number
}

/** A whole number. */
export interface CountRow extends Common {
  readonly kind: 'count'
  readonly least: 0 | 1
  readonly default?: number | false
  /** `false` is accepted, too. */
  readonly off?: true
}

/** One of a few strings. */
export interface ChoiceRow<Value extends string> extends Common {
  readonly kind: 'choice'
  readonly values: readonly [Value, ...Value[]]
  readonly default?: Value
}

export interface StringRow extends Common {
  readonly kind: 'string'
  readonly default?: string
  /** Default `filled`: not empty. `visible`: not only blanks. `any`: also empty. */
  readonly content?: 'any' | 'filled' | 'visible'
  /** Also accepts a function that returns a string, or a RegExp. */
  readonly or?: 'function' | 'RegExp'
  /** Messages never show the value. */
  readonly secret?: true
}

export interface FunctionRow extends Common {
  readonly kind: 'function'
}

/** An object of the caller, recognised by its methods. */
export interface ObjectRow extends Common {
  readonly kind: 'object'
  readonly methods: readonly string[]
}

/** Strings, numbers and booleans with names that the caller chooses. */
export interface MapRow extends Common {
  readonly kind: 'map'
}

export interface ArrayRow<Item> extends Common {
  readonly kind: 'array'
  readonly of: [Item] extends [never] ? Row : RowFor<Item>
  readonly default?: readonly Item[]
  /** A single item is accepted in place of an array. */
  readonly single?: true
}

/** Options inside an option. */
export interface OptionsRow<Options> extends Common {
  readonly kind: 'options'
  readonly rows: [Options] extends [never] ? Rows : RowsFor<Options>
  /** `{}`: the defaults of its rows. */
  readonly default?: Readonly<Record<string, never>>
  /** `false` is accepted, too. */
  readonly off?: true
}

export type Rows = Readonly<Record<string, Row>>

/** The rows that the type of an option allows. */
export type RowFor<Value> = [Value] extends [boolean]
  ? BooleanRow
  : [Value] extends [number | false]
    ? (MillisRow | CountRow) & Off<Value>
    : [Extract<Value, readonly unknown[]>] extends [never]
      ? [string] extends [Value]
        ? StringRow
        : [Value] extends [string]
          ? ChoiceRow<Value>
          : [Value] extends [(...args: never[]) => unknown]
            ? FunctionRow
            : ObjectRow | MapRow | (OptionsRow<Exclude<Value, false>> & Off<Value>)
      : ArrayRow<ItemOf<Value>>

type Off<Value> = false extends Value ? { readonly off: true } : { readonly off?: never }
type ItemOf<Value> = Extract<Value, readonly unknown[]>[number]
type Given<Value> = Exclude<Value, undefined>

/** Exactly one row for each option. */
export type RowsFor<Options> = { readonly [Name in keyof Options]-?: RowFor<Given<Options[Name]>> }

/** The options of one function. */
export interface OptionTable<Options, TableRows = RowsFor<Options>> {
  /** The argument's name in messages: `transaction(pool, work, options)`. */
  readonly whole: string
  /** The prefix of each name in messages: `transaction.`. */
  readonly prefix: string
  readonly rows: TableRows
}

/** Options after they were read: each name is present, with its default if it has one. */
export type Settled<Options, TableRows> = {
  readonly [Name in keyof Options]-?: SettledValue<Given<Options[Name]>, TableRows[Name & keyof TableRows]>
}

type SettledValue<Value, TableRow> =
  | (TableRow extends { readonly default: unknown } | { readonly required: true } ? never : undefined)
  | (TableRow extends { readonly kind: 'options'; readonly rows: infer Inner }
      ? Settled<Exclude<Value, false>, Inner> | Extract<Value, false>
      : TableRow extends { readonly kind: 'array'; readonly of: infer Item }
        ? readonly Exclude<SettledValue<ItemOf<Value>, Item>, undefined>[]
        : Value)
