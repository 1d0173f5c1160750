using Coppice.Tests.Support;

namespace Coppice.Hosting.Tests.Support;

/// <summary>The repository's small model with a chat template: what it says means nothing, how it is asked and read does.</summary>
public sealed class ChatModels : IDisposable
{
    /// <summary>Turns between marks, and nothing of tools or reasoning.</summary>
    public const string Plain =
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

    /// <summary>The same with a section of reasoning that the prompt begins where it is asked for.</summary>
    public const string Reasoning =
        Plain + "{% if add_generation_prompt and enable_thinking is defined and enable_thinking %}<think>{% endif %}{# </think> #}";

    private readonly List<string> _folders = [];
    private readonly List<LanguageModel> _models = [];

    /// <summary>A folder with the small model and <paramref name="template"/>.</summary>
    public string Folder(string template)
    {
        var folder = Directory.CreateTempSubdirectory("coppice-chat-").FullName;
        _folders.Add(folder);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(SharedData.Repository, "weights", "tiny")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        // Declared tools are longer than what the model was trained on.
        var config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"max_position_embeddings\": 512", "\"max_position_embeddings\": 4096",
            StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), template);
        return folder;
    }

    /// <summary>A folder with the tokenizer of the model in <paramref name="source"/> and <paramref name="template"/>.</summary>
    public string Tokenizer(string source, string template)
    {
        var folder = Directory.CreateTempSubdirectory("coppice-chat-").FullName;
        _folders.Add(folder);
        foreach (var file in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine(source, file), Path.Combine(folder, file));
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), template);
        return folder;
    }

    /// <summary>The small model with <paramref name="template"/>.</summary>
    public LanguageModel Load(string template = Plain, int? context = null)
    {
        var model = LanguageModel.Load(Folder(template), new ModelOptions { Device = "cpu", Threads = 2, ContextLength = context });
        _models.Add(model);
        return model;
    }

    /// <summary>The chat template of a published model.</summary>
    public static string Published(string name) =>
        File.ReadAllText(Path.Combine(SharedData.Require(Path.Combine("golden", "templates", name)), "template.jinja"));

    public void Dispose()
    {
        foreach (var model in _models) model.Dispose();
        foreach (var folder in _folders) Directory.Delete(folder, recursive: true);
    }
}
