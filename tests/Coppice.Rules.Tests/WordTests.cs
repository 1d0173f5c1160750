using System.Text.RegularExpressions;
using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>Words that may not be written, or only in the place that they belong to.</summary>
public sealed partial class WordTests
{
    private static readonly IReadOnlyList<SourceFile> Production = SourceTree.CSharp("src", "kernels", "eng");
    private static readonly IReadOnlyList<SourceFile> Everything = SourceTree.CSharp("src", "kernels", "eng", "tests", "bench");

    [Fact]
    public void Only_the_families_folder_and_its_table_know_families_by_name() =>
        // llama3 is also the name of a scaling of RoPE, llama.cpp that of a program, and files name a kind of tokenizer for the family that
        // had it first.
        Refuse(FamilyName(), Production.Where(f => !Starts(f, "src/Coppice/Models/Families/", "src/Coppice.Text/Files/")
            && f.Path != "src/Coppice/Models/ModelFamily.cs"),
            "a family is data: its name belongs into Models/Families");

    [Fact]
    public void Only_the_factory_and_the_kernels_own_files_name_a_back_end() =>
        // The bench measures the limits of a processor, so it has to know that it runs on one.
        Refuse(BackEndName(), Production.Where(f => !Starts(f, "src/Coppice/Loading/DeviceFactory.cs")
            && !IsOfOneBackEnd(f.Path)), "back ends are made by DeviceFactory and used as Backend");

    [Fact]
    public void Nobody_asks_which_kind_a_cache_is() =>
        Refuse(CacheTest(), Production, "a cache does what its kind needs: ask it to, not what it is");

    [Fact]
    public void There_is_no_list_of_back_ends() => Refuse(BackEndList(), Production, "there is no switch over back ends");

    [Fact]
    public void Nothing_is_left_for_later() =>
        Refuse(Later(), Everything.Where(f => !IsThisFile(f)), "do it, or open an issue and name its number", f => f.Comments);

    [Fact]
    public void There_are_no_regions() => Refuse(Region(), Everything.Where(f => !IsThisFile(f)), "a file that needs regions is two files");

    [Fact]
    public void There_is_no_code_in_comments() => Refuse(CodeInComment(), Everything, "dead code is in the history", f => f.Comments);

    [Fact]
    public void Types_are_named_for_what_they_are() => Refuse(VagueName(), Everything.Where(f => !IsThisFile(f)), "say what it is");

    [Fact]
    public void No_file_names_a_place_on_one_machine() =>
        Refuse(MachinePath(), Everything.Where(f => !IsThisFile(f)), "paths are arguments", f => f.Text);

    [Fact]
    public void Libraries_neither_print_nor_read_the_environment() =>
        Refuse(HostAccess(), Production.Where(f => !f.Path.StartsWith("src/Coppice.Cli/", StringComparison.Ordinal)),
            "that is the command line's");

    [Fact]
    public void Namespaces_are_folders()
    {
        // A folder may hold part of the namespace above it: the ops are one class, and templates serve Coppice.Text.
        var wrong = Production.Where(f => !IsNear(DeclaredNamespace().Match(f.Code).Groups[1].Value, f.Path)).Select(f => f.Path);
        Assert.Empty(wrong);
    }

    /// <summary>Each search finds what it is for, so that an empty result means something.</summary>
    [Fact]
    public void Searches_find_what_they_are_for()
    {
        (Regex Word, string Sample)[] samples =
        [
            (FamilyName(), "if (name == \"Qwen3\")"), (BackEndName(), "new GpuBackend()"),
                (CacheTest(), "cache is not PagedKvCache paged"), (CacheTest(), "case DenseKv kv:"),
            (BackEndList(), "switch (BackendType)"), (Later(), "// TODO: faster"), (Region(), "    #region Fields"),
                (CodeInComment(), "    // return x;"),
            (VagueName(), "internal static class TensorHelper"), (MachinePath(), "File.Open(\"/tmp/x\")"),
                (HostAccess(), "Console.WriteLine()"),
        ];
        Assert.All(samples, s => Assert.Matches(s.Word, s.Sample));
        Assert.DoesNotMatch(Later(), "// TODO(#12): faster");
        Assert.DoesNotMatch(FamilyName(), "case \"llama3\":");
        var file =
            new SourceFile("x.cs", "var a = \"// no comment\"; // one /* two\nvar b = @\"\\\"; /* three */ var c = '\"'; // \"four\"");
        Assert.Equal(["// one /* two", "/* three */", "// \"four\""], Fragments(file.Comments));
        Assert.Contains("// no comment", file.Code, StringComparison.Ordinal);
        Assert.Contains("var c", file.Code, StringComparison.Ordinal);
    }

    private static string[] Fragments(string comments) =>
        [.. Regex.Split(comments, "  +|\n").Select(c => c.Trim()).Where(c => c.Length > 0)];

    private static bool IsNear(string found, string path)
    {
        var folder = string.Join('.', path.Split('/')[1..^1]);
        if (found.Length == 0 || found == folder) return true;
        var isPartOfKernels = found is "Coppice" or "Coppice.Kernels" && path.StartsWith("kernels/", StringComparison.Ordinal);
        return isPartOfKernels || (folder.LastIndexOf('.') is var dot and > 0 && found == folder[..dot]);
    }

    private static void Refuse(Regex word, IEnumerable<SourceFile> files, string reason, Func<SourceFile, string>? part = null)
    {
        var searched = files.ToArray();
        Assert.NotEmpty(searched);
        var found = searched.SelectMany(f => word.Matches(part is null ? f.Code
            : part(f)).Select(m => f.Place(m.Index))).Distinct().ToArray();
        Assert.True(found.Length == 0, $"{reason}:\n{string.Join('\n', found)}");
    }

    private static bool Starts(SourceFile file, params string[] folders) =>
        folders.Any(folder => file.Path.StartsWith(folder, StringComparison.Ordinal));

    private static bool IsThisFile(SourceFile file) => file.Path.EndsWith($"/{nameof(WordTests)}.cs", StringComparison.Ordinal);

    private static bool IsOfOneBackEnd(string path) =>
        path.StartsWith("eng/Coppice.Kernels.Tiles/", StringComparison.Ordinal) || path.StartsWith("kernels/", StringComparison.Ordinal) &&
        (path.EndsWith(".Simd.cs", StringComparison.Ordinal) || path.EndsWith(".Gpu.cs", StringComparison.Ordinal)
         || path.Contains("/Simd/", StringComparison.Ordinal) || path.Contains("/Gpu/", StringComparison.Ordinal)
         || OwnFile().IsMatch(path));

    [GeneratedRegex(@"llama(?!3|[.-]?cpp)|qwen|gemma|mistral|mixtral|\bphi\b|gpt-?2", RegexOptions.IgnoreCase)]
    private static partial Regex FamilyName();
    [GeneratedRegex(@"\b(SimdBackend|GpuBackend)\b")]
    private static partial Regex BackEndName();
    [GeneratedRegex(@"/(SimdBackend|GpuBackend)(\.\w+)?\.cs$")]
    private static partial Regex OwnFile();
    [GeneratedRegex(@"\b(is|as|case)\s+(not\s+)?\w+(KvCache|Kv)\b")]
    private static partial Regex CacheTest();
    [GeneratedRegex(@"\b(BackendType|DeviceType|BackendKind)\b")]
    private static partial Regex BackEndList();
    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b(?!.*#\d+)")]
    private static partial Regex Later();
    [GeneratedRegex(@"^\s*#(region|endregion)", RegexOptions.Multiline)]
    private static partial Regex Region();
    [GeneratedRegex(@"^[ \t]*//(?!/)[^\n]*(;|\{|\)\s*=>[^\n]*)[ \t]*$", RegexOptions.Multiline)]
    private static partial Regex CodeInComment();
    [GeneratedRegex(@"\b(class|struct|record|interface|enum)\s+\w*(Utils?|Utilit(y|ies)|Helpers?|Manager|Common|Misc|Missing\w+|Extra\w+|Remaining\w+)\b")]
    private static partial Regex VagueName();
    [GeneratedRegex(@"""[^""\n]*(/work/|/tmp/|/home/|/root/|[A-Z]:\\\\)|///?\s[^\n]*(/work/|/root/)")]
    private static partial Regex MachinePath();
    [GeneratedRegex(@"\bConsole\.|\bEnvironment\.(GetEnvironmentVariable|Exit)\b")]
    private static partial Regex HostAccess();
    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex DeclaredNamespace();
}
