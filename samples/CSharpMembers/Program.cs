// Completing C# so that member access type-checks: after each dot the C# compiler says which members there are, and the model chooses among
// them (monitor-guided decoding, arXiv 2306.10763). Prints how many of 50 small completions compile with and without it.
using Coppice;
using Coppice.Constraints;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

// Long enough for the compiler's first use.
var patience = TimeSpan.FromSeconds(30);
var folder = args.Length > 0 ? args[0] : Path.Combine("weights", "tiny");
using var model = LanguageModel.Load(folder, new ModelOptions { ContextLength = 1024 });
using var session = model.NewSession();
var count = args.Length > 1 ? int.Parse(args[1]) : Cases.All.Length;
int plainCompiles = 0, guidedCompiles = 0, changed = 0;
foreach (var line in Cases.All.Take(count))
{
    var prompt = Cases.Before + line;
    var plain = Complete(prompt, isGuided: false);
    var guided = Complete(prompt, isGuided: true);
    if (MemberAnalysis.Compiles(prompt + plain)) plainCompiles++;
    if (MemberAnalysis.Compiles(prompt + guided)) guidedCompiles++;
    if (plain != guided) changed++;
    Console.WriteLine($"{line.TrimStart()}\n    plain:  {plain}\n    guided: {guided}");
}
Console.WriteLine();
Console.WriteLine("| decoding | completions | compile | share |");
Console.WriteLine("|---|--:|--:|--:|");
Console.WriteLine($"| plain | {count} | {plainCompiles} | {100.0 * plainCompiles / count:f0} % |");
Console.WriteLine($"| members by Roslyn | {count} | {guidedCompiles} | {100.0 * guidedCompiles / count:f0} % |");
var name = Path.GetFileName(Path.GetFullPath(folder));
Console.WriteLine($"\n{changed} completions differ. Model: {name}, greedy, up to the end of the statement.");

// One statement: up to its semicolon.
string Complete(string prompt, bool isGuided)
{
    var options = new GenerationOptions
    {
        MaxTokens = 24,
        StopSequences = [";", "\n"],
        Constraint = isGuided
            ? vocabulary => new MonitorConstraint(vocabulary, NameMonitor.Dereference(MemberAnalysis.MembersAsync), prompt)
            {
                Timeout = patience,
            }
            : null,
    };
    var text = string.Concat(session.Generate(prompt, options).Select(piece => piece.Text));
    return text + ";";
}

/// <summary>Asks the C# compiler about a program that ends in the middle.</summary>
internal static class MemberAnalysis
{
    private static readonly string[] Names =
        ["System.Private.CoreLib", "System.Runtime", "System.Linq", "System.Collections", "System.Console"];

    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Names.Contains(Path.GetFileNameWithoutExtension(path)))
            .Select(path => MetadataReference.CreateFromFile(path))];

    private static readonly CSharpCompilation Empty = CSharpCompilation.Create(
        "completed", [], References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

    /// <summary>The members of the expression before the last dot of <paramref name="text"/>; none where it has no type.</summary>
    public static ValueTask<IReadOnlyList<string>> MembersAsync(MonitoredText text, CancellationToken cancellationToken)
    {
        var code = text.ToString();
        // A name in the dot's place, so that it is a member access like any other.
        var tree = CSharpSyntaxTree.ParseText(Closed(code + "x"), cancellationToken: cancellationToken);
        var name = tree.GetRoot(cancellationToken).FindToken(code.Length).Parent;
        var access = name?.AncestorsAndSelf().OfType<MemberAccessExpressionSyntax>().FirstOrDefault();
        if (access is null) return new([]);
        var semantics = Empty.AddSyntaxTrees(tree).GetSemanticModel(tree);
        var symbol = semantics.GetSymbolInfo(access.Expression, cancellationToken).Symbol;
        var type = symbol as INamespaceOrTypeSymbol ?? semantics.GetTypeInfo(access.Expression, cancellationToken).Type;
        if (type is null or IErrorTypeSymbol) return new([]);
        var isStatic = symbol is INamespaceOrTypeSymbol;
        var members = semantics.LookupSymbols(code.Length, type, includeReducedExtensionMethods: !isStatic)
            .Where(member => member.CanBeReferencedByName
                && (type is INamespaceSymbol || member is ITypeSymbol || member.IsStatic == isStatic))
            .Select(member => member.Name).Distinct().Order(StringComparer.Ordinal);
        return new([.. members]);
    }

    /// <summary>Whether <paramref name="code"/>, its open brackets closed, compiles without an error.</summary>
    public static bool Compiles(string code) => Empty.AddSyntaxTrees(CSharpSyntaxTree.ParseText(Closed(code)))
        .GetDiagnostics().All(found => found.Severity != DiagnosticSeverity.Error);

    /// <summary>The text with what closes its brackets; where a statement is open, it is ended first.</summary>
    private static string Closed(string code)
    {
        var open = new Stack<char>();
        foreach (var token in SyntaxFactory.ParseTokens(code))
        {
            if (token.Text is "(" or "[" or "{") open.Push(token.Text[0] switch { '(' => ')', '[' => ']', _ => '}' });
            else if (token.Text is ")" or "]" or "}" && open.Count > 0) open.Pop();
        }
        var end = new System.Text.StringBuilder(code);
        while (open.TryPop(out var close)) end.Append(close == '}' && !end.ToString().EndsWith('}') ? ";}" : close.ToString());
        return end.ToString();
    }
}

internal static class Cases
{
    public const string Before = """
        using System;
        using System.Collections.Generic;
        using System.Linq;
        using System.Text;

        public enum Color { Red, Green, Blue }

        public record Point(int X, int Y);

        public class Account
        {
            public string OwnerName { get; set; } = "";
            public decimal CurrentBalance { get; set; }
            public List<decimal> PastTransfers { get; } = new();
            public void AddTransfer(decimal amount) => PastTransfers.Add(amount);
            public bool IsOverdrawn() => CurrentBalance < 0;
        }

        public static class Examples
        {
            public static void Run(
                string text, int number, List<int> numbers, Dictionary<string, int> counts, Account account, Point point, DateTime date,
                StringBuilder builder, int[] values, Color color)
            {
        """;

    public static readonly string[] All = [.. new[]
    {
        "int length = text.", "string upper = text.", "string trimmed = text.", "bool starts = text.", "string[] words = text.",
        "int index = text.", "string part = text.", "bool has = text.", "char first = text.", "string replaced = text.",
        "int total = numbers.", "int size = numbers.", "numbers.", "bool any = numbers.", "int biggest = numbers.",
        "var sorted = numbers.", "var squares = numbers.", "int firstNumber = numbers.", "int lastNumber = numbers.", "var list = numbers.",
        "int entries = counts.", "bool known = counts.", "var names = counts.", "counts.", "var amounts = counts.",
        "string owner = account.", "decimal balance = account.", "account.", "bool negative = account.", "int transfers = account.",
        "var newest = account.PastTransfers.", "decimal sum = account.PastTransfers.", "int x = point.", "int y = point.",
        "var moved = point with { X = point.",
        "int year = date.", "DateTime tomorrow = date.", "var day = date.", "string shown = date.", "builder.",
        "string built = builder.", "int longest = values.", "int added = values.", "var copy = values.", "Console.",
        "int absolute = Math.", "double root = Math.", "string joined = string.", "bool empty = string.", "Color other = Color.",
    }.Select(line => "\n        " + line)];
}
