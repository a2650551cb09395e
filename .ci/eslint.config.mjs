// What a script of the pages may not do. Names of a browser that they use are listed here, so that a
// misspelt one is an error.
const BROWSER =
  "window document location navigator console performance devicePixelRatio self atob btoa confirm " +
  "fetch matchMedia getComputedStyle requestAnimationFrame setTimeout clearTimeout setInterval " +
  "clearInterval sessionStorage addEventListener Worker URL Blob Event Option Path2D DOMException " +
  "TextEncoder TextDecoder BroadcastChannel MessageChannel IntersectionObserver MutationObserver " +
  "ResizeObserver " +
  "interactiveFigures fflate idbKeyval uPlot"; // the page's own

export default [
  { ignores: ["**/vendor/**", "**/data.js"] },
  {
    files: ["book/_static/**/*.js", "benchmarks/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "script",
      globals: Object.fromEntries(BROWSER.split(" ").map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: Object.fromEntries(
      (
        "array-callback-return constructor-super eqeqeq getter-return no-class-assign " +
        "no-compare-neg-zero no-const-assign no-constant-condition no-dupe-class-members " +
        "no-dupe-else-if no-dupe-keys no-duplicate-case no-empty no-ex-assign no-func-assign " +
        "no-implicit-globals no-inner-declarations no-redeclare no-self-assign no-self-compare " +
        "no-this-before-super no-throw-literal no-undef no-unreachable no-unsafe-finally " +
        "no-unsafe-negation no-unused-expressions no-unused-vars no-use-before-define no-var " +
        "object-shorthand prefer-const require-yield use-isnan valid-typeof"
      )
        .split(" ")
        .map((rule) => [rule, "error"]),
    ),
  },
  {
    rules: {
      "array-callback-return": ["error", { checkForEach: false }],
      "no-constant-condition": ["error", { checkLoops: false }],
      "no-unused-vars": ["error", { caughtErrors: "none", ignoreRestSiblings: true }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
    },
  },
];
