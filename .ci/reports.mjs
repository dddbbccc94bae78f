// What the JSON reports of test runs say.
//
//   node .ci/reports.mjs failed-files REPORT   the files in which a test failed, a line each
//   node .ci/reports.mjs summary FOLDER        what failed, then "N passed, M failed" as the last line
//
// NAME-again.json is a second run of the files that failed in NAME.json: a test that passes there is told, but no failure.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [command, path] = process.argv.slice(2)

function testsOf(report) {
  const { testResults, success } = JSON.parse(readFileSync(report, 'utf8'))
  const tests = testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const own = assertionResults
      .filter((test) => ['passed', 'failed'].includes(test.status))
      .map((test) => {
        const failed = test.status === 'failed'
        return { file, name: test.fullName, failed, message: test.failureMessages[0] ?? '' }
      })
    // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
    const hidden = status === 'failed' && !own.some((test) => test.failed)
    return hidden ? [...own, { file, name: 'the file itself, or a hook of it', failed: true, message }] : own
  })
  if (success || tests.some((test) => test.failed)) return tests
  return [...tests, { file: '', name: 'the run, outside of any test', failed: true, message: '' }]
}

const keyOf = ({ file, name }) => `${file.replace(/^.*?\/(?=test\/)/, '')} > ${name}`

function tell(verdict, test) {
  console.log(`${verdict}: ${keyOf(test)}`)
  for (const line of test.message.split('\n').slice(0, 4)) console.log(`    ${line.slice(0, 160)}`)
}

function summary(folder) {
  let passed = 0
  let failed = 0
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.json') || name.endsWith('-again.json')) continue
    const again = join(folder, name.replace('.json', '-again.json'))
    const second = existsSync(again) ? testsOf(again) : []
    const steady = new Set(second.filter((test) => test.failed).map(keyOf))
    const seen = new Set(second.map(keyOf))
    for (const test of testsOf(join(folder, name))) {
      const unsteady = test.failed && seen.has(keyOf(test)) && !steady.has(keyOf(test))
      if (test.failed) tell(unsteady ? 'UNSTEADY (failed, then passed alone)' : 'FAILED', test)
      if (test.failed && !unsteady) failed += 1
      else passed += 1
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
}

if (command === 'summary') summary(path)
else
  for (const file of new Set(testsOf(path).flatMap((test) => (test.failed ? [test.file] : []))))
    console.log(file)
