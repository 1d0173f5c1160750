using Coppice;
using Coppice.Extensions.AI;
using Microsoft.Extensions.AI;

if (args is not [var folder, ..])
{
    Console.Error.WriteLine("usage: Extraction FOLDER [TEXT], the folder of a model with a chat template");
    return 2;
}
var text = args is [_, var given] ? given : "Invoice 4711 of 3 March 2026: twelve oak chairs at 80 euros each for Ada Lovelace, Oslo.";
using var model = LanguageModel.Load(folder);
using var client = model.AsIChatClient();

// The schema of the record is enforced: the answer can be read back whatever the model is. How true it is, is up to the model.
var response = await client.GetResponseAsync<Invoice>($"Extract the invoice.\n\n{text}",
    new ChatOptions { Temperature = 0, MaxOutputTokens = 200 });
Console.WriteLine(response.Result);
return 0;

internal sealed record Invoice(int Number, string Customer, string Item, int Quantity, decimal UnitPrice);
