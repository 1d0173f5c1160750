using Coppice.Drafting;
using Xunit;

namespace Coppice.Tests.Support;

/// <summary>
/// Every drafter by its text, those with a draft model or heads without the folder; "layout" says which heads.
/// </summary>
internal static class AllDrafters
{
    private static readonly string[] Tables =
    [
        "auto", "auto:nodes=96", "prompt-lookup", "prompt-lookup:length=31,max-match=2", "suffix", "suffix:nodes=30", "token-recycling",
            "token-recycling:tree=template",
        "aded", "aded:nodes=65,count-once=true",
    ];

    private static readonly string[] Models =
    [
        "draft-model:branches=1,depth=3,adaptive=false", "draft-model:nodes=9,branches=3,adaptive=false", "rsd-c:branches=2-2-1",
            "rsd-s:width=3,length=3", "dyspec:nodes=8",
        "dyspec:nodes=20,threshold=0.2", "rasd:nodes=4,adaptive=false", "rasd:nodes=4,adaptive=false,sampled=true",
    ];

    private static readonly string[] Heads =
    [
        "medusa:adaptive=false", "medusa:nodes=63,branches=16,adaptive=false", "hydra:adaptive=false,layout=hydra",
        "hydra:nodes=30,adaptive=false,layout=hydra++",
    ];

    private static readonly string[] NeedModel = ["draft-model", "rsd-", "dyspec", "rasd"];

    public static TheoryData<string> Names => [.. Tables, .. Models, .. Heads];

    /// <summary>
    /// The drafter that <paramref name="name"/> describes; where it needs a draft model, that of <paramref name="pair"/>.
    /// </summary>
    public static DrafterOptions Parse(string name, ModelPair pair, string settings = "guard=false")
    {
        const string layout = ",layout=";
        if (Heads.Contains(name))
        {
            var (text, heads) = name.Split(layout) is [var before, var after] ? (before, after) : (name, "v1");
            return DrafterOptions.Parse($"{text},{settings},heads={pair.Heads(heads)}");
        }
        var all = NeedModel.Any(kind => name.StartsWith(kind, StringComparison.Ordinal))
            ? $"{settings},model={pair.DraftFolder}" : settings;
        return DrafterOptions.Parse($"{name}{(name.Contains(':', StringComparison.Ordinal) ? ',' : ':')}{all}");
    }
}
