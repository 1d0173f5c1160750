using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Xunit;
using Assembly = System.Reflection.Assembly;

namespace Coppice.Rules.Tests;

/// <summary>Which way dependencies may point, between assemblies and between the folders of each.</summary>
public sealed class DependencyTests
{
    private static readonly Assembly Kernels = typeof(Coppice.Kernels.Backend).Assembly;
    private static readonly Assembly Errors = typeof(EngineException).Assembly;
    private static readonly Assembly Text = typeof(Coppice.Text.Tokenizer).Assembly;
    private static readonly Assembly Library = typeof(LanguageModel).Assembly;
    private static readonly Assembly Cli = Assembly.Load("Coppice.Cli");
    private static readonly Assembly Server = Assembly.Load("Coppice.Server");
    private static readonly Assembly Tiles = typeof(Coppice.Kernels.Tiles.TileFamily).Assembly;
    private static readonly Assembly Constraints = Assembly.Load("Coppice.Constraints");
    private static readonly Assembly Tables = typeof(Coppice.Unicode.Table).Assembly;
    private static readonly Architecture Code =
        new ArchLoader().LoadAssemblies(Errors, Kernels, Text, Constraints, Library, Server, Cli).Build();

    /// <summary>
    /// For every folder the folders whose types it may use, besides its own and those inside it. A namespace belongs to the longest entry
    /// that it begins with; a new folder directly below one of the roots fails until it has a line here. "Coppice" alone is what a host
    /// sees.
    /// </summary>
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        // kernels/Coppice.Kernels
        ["Coppice.Kernels"] = ["Coppice.Kernels.Assembled", "Coppice.Kernels.Gpu", "Coppice.Kernels.Memory", "Coppice.Kernels.Numerics",
            "Coppice.Kernels.Simd", "Coppice", "ILGPU"],
        ["Coppice.Kernels.Assembled"] = ["Coppice.Kernels", "Coppice.Kernels.Simd", "Iced"],
        ["Coppice.Kernels.Gpu"] = ["Coppice.Kernels", "Coppice.Kernels.Memory", "Coppice.Kernels.Numerics", "ILGPU"],
        ["Coppice.Kernels.Memory"] = ["Coppice", "Coppice.Kernels", "ILGPU"],
        ["Coppice.Kernels.Numerics"] = ["Coppice.Kernels", "Coppice.Kernels.Simd"],
        ["Coppice.Kernels.Simd"] = ["Coppice.Kernels", "Coppice.Kernels.Memory", "Coppice.Kernels.Numerics"],

        // src/Coppice, from the files upwards
        ["Coppice.Settings"] = [],
        ["Coppice.Text"] = ["Coppice"],
        ["Coppice.Weights"] = ["Coppice", "Coppice.Kernels", "Coppice.Kernels.Numerics"],
        ["Coppice.Cache"] = ["Coppice", "Coppice.Kernels", "Coppice.Kernels.Memory"],
        ["Coppice.Models"] = ["Coppice", "Coppice.Weights", "Coppice.Cache", "Coppice.Kernels", "Coppice.Kernels.Memory",
            "Coppice.Kernels.Numerics"],
        ["Coppice.Loading"] = ["Coppice", "Coppice.Text", "Coppice.Weights", "Coppice.Models", "Coppice.Execution", "Coppice.Kernels",
            "Coppice.Drafting"],
        ["Coppice.Conversion"] = ["Coppice", "Coppice.Text", "Coppice.Weights", "Coppice.Models", "Coppice.Loading", "Coppice.Kernels",
            "Coppice.Kernels.Numerics"],
        ["Coppice.Decoding.Sampling"] = ["Coppice"],
        ["Coppice.Decoding.Verification"] = ["Coppice.Decoding.Sampling"],
        ["Coppice.Execution"] = ["Coppice", "Coppice.Cache", "Coppice.Models", "Coppice.Decoding.Verification", "Coppice.Kernels",
            "Coppice.Kernels.Memory", "Coppice.Kernels.Numerics"],
        ["Coppice.Drafting"] =
        [
            "Coppice", "Coppice.Text", "Coppice.Cache", "Coppice.Models", "Coppice.Execution", "Coppice.Decoding.Sampling",
                "Coppice.Decoding.Verification",
            "Coppice.Kernels", "Coppice.Kernels.Memory", "Coppice.Settings",
        ],
        ["Coppice.Decoding"] =
        [
            "Coppice", "Coppice.Text", "Coppice.Cache", "Coppice.Models", "Coppice.Execution", "Coppice.Drafting",
                "Coppice.Decoding.Sampling",
            "Coppice.Decoding.Verification", "Coppice.Kernels", "Coppice.Constraints",
        ],
        ["Coppice.Observability"] = ["Coppice", "Coppice.Loading"],
        ["Coppice.Embeddings"] =
            ["Coppice", "Coppice.Text", "Coppice.Weights", "Coppice.Models", "Coppice.Loading", "Coppice.Execution", "Coppice.Decoding"],
        // src/Coppice.Constraints: needs only a vocabulary
        ["Coppice.Constraints"] = [],
        ["Coppice"] = ["*"],
        // src/Coppice.Server: a host like others
        ["Coppice.Server"] = ["Coppice", "Coppice.Text", "Coppice.Constraints", "Coppice.Drafting"],
        ["Coppice.Cli"] = ["*"],
    };

    /// <summary>
    /// What of the root a folder may know although the root uses everything: records, exceptions and enumerations, which hold no machinery.
    /// </summary>
    private static readonly string[] Machinery = ["Coppice.LanguageModel", "Coppice.Session", "Coppice.Scorer"];

    /// <summary>What opens a draft model knows the model, and nothing else of the drafters does.</summary>
    private static readonly string[] DraftOpeners = ["Coppice.Drafting.DraftContext", "Coppice.Drafting.DraftModel",
        "Coppice.Drafting.ModelDrafterOptions"];

    [Fact]
    public void Errors_know_only_the_framework() => References(Errors);

    [Fact]
    public void Kernels_know_only_ILGPU_Iced_and_the_framework() =>
        References(Kernels, "Coppice.Errors", "Iced", "ILGPU", "ILGPU.Algorithms", "System.Numerics.Tensors");

    [Fact]
    public void Constraints_know_only_the_framework() => References(Constraints);

    [Fact]
    public void Texts_know_nothing_of_the_engine() => References(Text, "Coppice.Errors", "Microsoft.ML.Tokenizers");

    [Fact]
    public void What_writes_tiles_and_tables_knows_only_the_framework()
    {
        References(Tiles);
        References(Tables);
    }

    [Fact]
    public void The_library_knows_only_texts_kernels_constraints_and_its_packages() =>
        References(Library, "Coppice.Constraints", "Coppice.Errors", "Coppice.Kernels", "Coppice.Text", "System.Numerics.Tensors");

    [Fact]
    public void The_server_knows_the_library_as_hosts_do() =>
        References(
            Server,
            ["Coppice", "Coppice.Constraints", "Coppice.Errors", "Coppice.Kernels", "Coppice.Text", "Microsoft.ML.Tokenizers",
            .. Server.GetReferencedAssemblies().Select(reference => reference.Name!).Where(IsFrameworkOfWeb)]);

    [Fact]
    public void Every_folder_is_in_the_table()
    {
        var folders = Uses().Select(use => use.From).Distinct()
            .Where(name => name.Split('.') is { Length: 2 } parts && parts[0] == "Coppice");
        Assert.Empty(folders.Except(MayUse.Keys));
    }

    [Fact]
    public void Folders_use_only_what_the_table_allows()
    {
        var broken = Uses().Where(use => !IsAllowed(use)).Select(use => $"{use.FromType} uses {use.ToType}").Distinct()
            .Order(StringComparer.Ordinal).ToArray();
        Assert.True(broken.Length == 0, string.Join('\n', broken));
    }

    [Fact]
    public void The_table_has_no_circle_below_the_root()
    {
        foreach (var start in MayUse.Keys.Where(key => key is not ("Coppice" or "Coppice.Cli")
            && !key.StartsWith("Coppice.Kernels", StringComparison.Ordinal)))
            Assert.DoesNotContain(start, Reached(start));
    }

    /// <summary>Dependencies that there are by design are found, so that an empty result means something.</summary>
    [Fact]
    public void Dependencies_that_exist_are_found()
    {
        Assert.Contains(Uses(), use => use is { From: "Coppice.Models", To: "Coppice.Cache" });
        Assert.Contains(Uses(), use => use is { From: "Coppice.Kernels.Gpu", To: "ILGPU" });
        Assert.Contains(Uses(), use => use is { From: "Coppice", ToType: "Coppice.LanguageModel" });
        Assert.False(IsAllowed(new Use("Coppice.Cache", "Coppice.Models", "", "")));
        Assert.False(IsAllowed(new Use("Coppice.Decoding", "Coppice", "", "Coppice.Session")));
    }

    private static HashSet<string> Reached(string start)
    {
        HashSet<string> reached = [];
        var open = new Stack<string>(MayUse[start].Where(name => name != "Coppice" && MayUse.ContainsKey(name)));
        while (open.TryPop(out var name))
        {
            if (!reached.Add(name)) continue;
            foreach (var next in MayUse[name].Where(next => next != "Coppice" && MayUse.ContainsKey(next))) open.Push(next);
        }
        return reached;
    }

    private sealed record Use(string From, string To, string FromType, string ToType);

    private static bool IsAllowed(Use use)
    {
        var allowed = MayUse.GetValueOrDefault(use.From) ?? [];
        if (use.To == use.From || use.To.StartsWith(use.From + ".", StringComparison.Ordinal) && !MayUse.ContainsKey(use.To)) return true;
        if (DraftOpeners.Contains(use.FromType) && use.ToType == "Coppice.LanguageModel") return true;
        var isHost = use.From is "Coppice.Cli" or "Coppice.Server" or "Coppice" or "Coppice.Loading";
        if (use.To == "Coppice" && !isHost && Machinery.Contains(use.ToType)) return false;
        return allowed.Contains("*") || allowed.Contains(use.To);
    }

    private static IReadOnlyList<Use> Uses() => All.Value;

    private static readonly Lazy<IReadOnlyList<Use>> All = new(() =>
    [
        .. from type in Code.Types
           from dependency in type.Dependencies
           // A method's own type parameter, which the reader takes for that of the first generated method with the same signature.
           where !dependency.Target.FullName.Contains("::", StringComparison.Ordinal)
           let to = Room(dependency.Target.Namespace?.FullName ?? "")
           let @from = Room(type.Namespace?.FullName ?? "")
           where to.Length > 0 && @from.Length > 0
           select new Use(@from, to, type.FullName, dependency.Target.FullName.Split('+', '/')[0]),
    ]);

    /// <summary>
    /// The line of the table that a namespace belongs to, its first two parts where none is there, or nothing for the framework's.
    /// </summary>
    private static string Room(string name)
    {
        if (name == "ILGPU" || name.StartsWith("ILGPU.", StringComparison.Ordinal)) return "ILGPU";
        if (name != "Coppice" && !name.StartsWith("Coppice.", StringComparison.Ordinal)) return "";
        var parts = name.Split('.');
        for (var length = parts.Length; length > 1; length--)
        {
            var prefix = string.Join('.', parts[..length]);
            if (MayUse.ContainsKey(prefix)) return prefix;
        }
        return parts.Length == 1 ? name : string.Join('.', parts[..2]);
    }

    private static bool IsFrameworkOfWeb(string name) =>
        name is "Microsoft.AspNetCore" or "Microsoft.Net.Http.Headers"
            || name.StartsWith("Microsoft.AspNetCore.", StringComparison.Ordinal)
            || name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal);

    private static void References(Assembly assembly, params string[] allowed)
    {
        var references = assembly.GetReferencedAssemblies().Select(r => r.Name!).Where(n => !IsFramework(n));
        Assert.Empty(references.Except(allowed));
    }

    /// <summary>Whether an assembly comes with .NET itself: it lies beside the core library.</summary>
    private static bool IsFramework(string name) =>
        File.Exists(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, $"{name}.dll"));
}
