import { JsonReporter } from 'vitest/node'

/** The JSON report with what Vitest's own leaves out: the errors outside of any test. They fail a run as well. */
// biome-ignore lint/style/noDefaultExport: Vitest loads a reporter by its default export.
export default class extends JsonReporter {
  #errors = []

  constructor() {
    super({})
  }

  onTestRunEnd(modules, errors) {
    this.#errors = errors.map(({ type, name, message, stack, VITEST_TEST_PATH }) => ({
      kind: type ?? 'Unhandled error',
      message: [
        `${name}: ${message}`,
        ...(stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)),
      ].join('\n'),
      file: VITEST_TEST_PATH ?? '',
    }))
    return super.onTestRunEnd(modules)
  }

  writeReport(text) {
    return super.writeReport(JSON.stringify({ ...JSON.parse(text), outsideErrors: this.#errors }))
  }
}
