// What the JSON reports of test runs say.
//
//   node .ci/reports.mjs ended REPORT CODE LOG   adds to the report what it does not say: a failure that no test explains
//   node .ci/reports.mjs failed-files REPORT     the files in which a test failed, a line each; an empty one stands for all
//   node .ci/reports.mjs summary FOLDER          what failed, then "N passed, M failed" as the last line
//
// NAME-again.json is a second run of the files that failed in NAME.json: a test that passes there is told, but no failure.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [command, path, code, log] = process.argv.slice(2)

function testsOf(report) {
  const { testResults, outsideErrors } = JSON.parse(readFileSync(report, 'utf8'))
  const tests = testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const own = assertionResults
      .filter((test) => ['passed', 'failed'].includes(test.status))
      .map((test) => {
        const failed = test.status === 'failed'
        return { file, name: test.fullName, failed, message: test.failureMessages[0] ?? '' }
      })
    // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
    const hidden = status === 'failed' && !own.some((test) => test.failed)
    return hidden ? [...own, outside(file, 'the file itself, or a hook of it', message)] : own
  })
  const errors = outsideErrors.map(({ file, kind, message }) =>
    outside(file, `outside of any test (${kind})`, message),
  )
  return [...tests, ...errors]
}

function ended(report) {
  // A run that ended before it could report, or while it did, is a failure as well.
  if (!isReport(report)) writeFileSync(report, JSON.stringify({ testResults: [], outsideErrors: [] }))
  if (code === '0' || testsOf(report).some(isFailed)) return
  const { testResults, outsideErrors } = JSON.parse(readFileSync(report, 'utf8'))
  const message = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-12).join('\n')
  outsideErrors.push({ file: '', kind: `exit code ${code}`, message })
  writeFileSync(report, JSON.stringify({ testResults, outsideErrors }))
}

function isReport(file) {
  try {
    return Boolean(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return false
  }
}

const outside = (file, name, message) => ({ file, name, message, failed: true, isOutside: true })
const isFailed = (test) => test.failed
const fileOf = ({ file }) => file.replace(/^.*?\/(?=test\/)/, '')
const keyOf = (test) => [fileOf(test), test.name].filter(Boolean).join(' > ')

function tell(verdict, test) {
  console.log(`${verdict}: ${keyOf(test)}`)
  for (const line of test.message.split('\n', test.isOutside ? 12 : 4).filter(Boolean))
    console.log(`    ${line.slice(0, 160)}`)
}

function summary(folder) {
  let passed = 0
  let failed = 0
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.json') || name.endsWith('-again.json')) continue
    const first = testsOf(join(folder, name))
    const again = join(folder, name.replace('.json', '-again.json'))
    const second = existsSync(again) ? testsOf(again) : []
    const ranAgain = new Set(second.flatMap((test) => [keyOf(test), fileOf(test)]))
    // What is outside of any test shows by its absence that it did not happen again.
    const isSettled = (test) =>
      test.isOutside
        ? second.length > 0 && (!test.file || ranAgain.has(fileOf(test)))
        : ranAgain.has(keyOf(test))
    const failures = [...second, ...first.filter((test) => !isSettled(test))].filter(isFailed)
    const lost = new Set(failures.map(keyOf))
    for (const test of failures) tell('FAILED', test)
    for (const test of first.filter(isFailed))
      if (!lost.has(keyOf(test))) tell('UNSTEADY (failed, then passed alone)', test)
    passed += first.filter((test) => !test.isOutside && !lost.has(keyOf(test))).length
    failed += failures.length
  }
  console.log(`${passed} passed, ${failed} failed`)
}

function failedFiles(report) {
  return new Set(
    testsOf(report)
      .filter(isFailed)
      .map((test) => test.file),
  )
}

if (command === 'summary') summary(path)
else if (command === 'ended') ended(path)
else for (const file of failedFiles(path)) console.log(file)
